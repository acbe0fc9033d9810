"""The weight table of the plan's own override: edge .82 R, 37 trades, variance .45, half-life 18 days, of 10."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.definitions.constants import words_of
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.weights import (
    FACTORS,
    MULTIPLIED,
    SYMBOLS,
    Basis,
    Factor,
    age_in_days,
    by_symbol,
    decay_weight,
    edge_weight,
    formula_of,
    is_below,
    microseconds,
    rounded_weight,
    sample_weight,
    specificity_weight,
    variance_weight,
)

STATIC = (edge_weight(0.82, 1.0), sample_weight(37, 25.0), variance_weight(0.45, 1.0))


class TestFactors:
    def test_equal_the_hand_worked_ones(self) -> None:
        assert pytest.approx((0.675070, 0.772362, 0.689655), abs=5e-7) == STATIC

    @pytest.mark.parametrize(
        ("dims", "age_days", "w_spec", "w_total"),
        [
            (3, 0.0, 0.164317, 0.059086),
            (3, 9.0, 0.164317, 0.035837),
            (3, 18.0, 0.164317, 0.021736),
            (2, 0.0, 0.089443, 0.032162),
            (1, 0.0, 0.031623, 0.011371),
            (0, 0.0, 0.0, 0.0),
            (10, 0.0, 1.0, 0.359585),
        ],
    )
    def test_multiply_to_the_weight_table(self, dims: int, age_days: float, w_spec: float, w_total: float) -> None:
        specificity = specificity_weight(dims, 10, 1.5)

        assert specificity == pytest.approx(w_spec, abs=5e-7)
        assert math.prod(STATIC) * specificity * decay_weight(age_days, 18.0) == pytest.approx(w_total, abs=5e-7)

    @pytest.mark.parametrize(("n", "expected"), [(0, 0.0), (10, 0.3297), (25, 0.6321), (50, 0.8647), (100, 0.9817)])
    def test_grow_with_trades(self, n: int, expected: float) -> None:
        assert sample_weight(n, 25.0) == pytest.approx(expected, abs=5e-5)

    @pytest.mark.parametrize(
        ("dims", "others"), [(1, 0.6325), (2, 0.2236), (3, 0.1217), (4, 0.0791), (5, 0.0566), (10, 0.02)]
    )
    def test_need_this_product_of_the_others_to_pass_the_floor(self, dims: int, others: float) -> None:
        assert 0.02 / specificity_weight(dims, 10, 1.5) == pytest.approx(others, abs=5e-5)

    def test_decay_to_one_over_e_at_one_half_life(self) -> None:
        assert decay_weight(18.0, 18.0) == pytest.approx(math.exp(-1), rel=1e-15)

    def test_cap_the_share_of_dimensions_at_one(self) -> None:
        assert specificity_weight(12, 8, 1.5) == 1.0

    def test_weigh_no_dimensions_as_nothing_even_with_exponent_zero(self) -> None:
        assert specificity_weight(0, 8, 0.0) == 0.0

    @given(
        edge=st.floats(-1e9, 1e9), n=st.floats(0, 1e9), variance=st.floats(0, 1e9), days=st.floats(0, 1e9),
        scale=st.floats(1e-6, 1e9), half_life=st.floats(1e-6, 1e9),
    )  # fmt: skip
    def test_stay_between_zero_and_one(
        self, edge: float, n: float, variance: float, days: float, scale: float, half_life: float
    ) -> None:
        factors = (
            edge_weight(edge, scale), sample_weight(n, scale), variance_weight(variance, scale),
            decay_weight(days, half_life),
        )  # fmt: skip

        assert all(0.0 <= factor <= 1.0 for factor in factors)


def arguments_of(factor: Factor, rows: int, seed: int = 5) -> list[list[float]]:
    """Random arguments of a factor, one list each, with those at which it is 0 or 1 among them."""
    draw = np.random.default_rng(seed)
    columns = {
        "age_days": np.append(draw.uniform(0, 400, rows), [0.0]),
        "edge_raw": np.append(draw.normal(0, 2, rows), [0.0]),
        "n": np.append(draw.integers(0, 400, rows), [0]),
        "variance": np.append(draw.exponential(2, rows), [0.0]),
        "half_life_days": np.append(draw.uniform(1, 400, rows), [90.0]),
        "dims": np.append(draw.integers(0, 15, rows), [0]),
        "max_scope_dims": np.append(draw.integers(1, 15, rows), [8]),
    }
    names = (("age_days",) if factor.depends_on_moment else ()) + factor.basis + factor.constants
    others = np.append(draw.uniform(0.1, 90, rows), [1.5])
    return [columns.get(name, others).astype(float).tolist() for name in names]


class TestTheTable:
    @pytest.mark.parametrize("factor", FACTORS, ids=lambda factor: factor.symbol)
    def test_gives_plain_floats_for_floats(self, factor: Factor) -> None:
        assert {type(factor.value(*row)) for row in zip(*arguments_of(factor, 50), strict=True)} == {float}

    @pytest.mark.parametrize("factor", FACTORS, ids=lambda factor: factor.symbol)
    def test_gives_the_same_for_columns(self, factor: Factor) -> None:
        """To the bit: many overrides at once weigh what each of them weighs alone."""
        arguments = arguments_of(factor, 5_000)
        expected = [factor.value(*row) for row in zip(*arguments, strict=True)]

        found = factor.value(*map(np.array, arguments))

        assert found.shape == (5_001,)
        assert found.tolist() == expected

    def test_takes_constants_that_are_explained(self) -> None:
        constants = {name for factor in FACTORS for name in factor.constants}

        assert constants <= words_of(WeightParameters).keys()

    def test_names_each_factor_once(self) -> None:
        assert len(set(SYMBOLS)) == len({factor.label for factor in FACTORS}) == len(FACTORS)

    def test_says_what_a_value_rests_on(self) -> None:
        basis, constants = Basis(0.82, 37.0, 0.45, 18.0, 3), WeightParameters()
        names = {"age_days": 9.0, **basis._asdict(), **constants.to_document()}

        said = [factor.rests_on.format(**names) for factor in FACTORS]

        assert said == ["+0.82 R", "37 trades", "0.45 R²", "9 days", "3 of 8"]


class TestAWeight:
    def test_multiplies_what_depends_on_the_moment_last(self) -> None:
        weight = formula_of(WeightParameters(max_scope_dims=10)).weight(Basis(0.82, 37, 0.45, 18, 3))

        values, total = weight.at(9.0)

        assert [factor.symbol for factor in MULTIPLIED] == ["w_edge", "w_n", "w_var", "w_spec", "w_decay"]
        assert values == (*weight.static_values, decay_weight(9.0, 18.0))
        assert total == weight.static_weight * decay_weight(9.0, 18.0)
        assert total == pytest.approx(0.035837, abs=5e-7)

    def test_names_its_factors_in_the_order_of_the_table(self) -> None:
        assert list(by_symbol((1.0, 2.0, 3.0, 4.0, 5.0)).items()) == [
            ("w_edge", 1.0), ("w_n", 2.0), ("w_var", 3.0), ("w_decay", 5.0), ("w_spec", 4.0),
        ]  # fmt: skip
        assert by_symbol(None) == dict.fromkeys(SYMBOLS)

    def test_of_nothing_but_floats_is_a_float(self) -> None:
        assert type(formula_of(WeightParameters()).weight(Basis(0.82, 37, 0.45, 18, 3)).at(9.0)[1]) is float


class TestAge:
    def test_is_exact_to_the_microsecond(self) -> None:
        updated = microseconds(datetime(2025, 1, 11, tzinfo=UTC))

        assert age_in_days(updated, updated + 1) == 1 / 86_400_000_000

    def test_is_never_negative(self) -> None:
        assert age_in_days(updated=10, now=3) == 0.0


class TestRoundedWeight:
    def test_forgives_the_last_bits(self) -> None:
        assert rounded_weight(0.02 - 1e-14) == 0.02

    def test_keeps_twelve_decimals(self) -> None:
        assert rounded_weight(0.02 - 1e-12) < 0.02


class TestIsBelow:
    @given(st.floats(0, 1), st.floats(-3e-11, 3e-11))
    def test_is_what_the_rounded_weight_says(self, floor: float, beside: float) -> None:
        weight = max(floor + beside, 0.0)

        assert is_below(weight, floor) == (rounded_weight(weight) < floor)
