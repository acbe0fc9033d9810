"""The weight table of the plan's own override: edge .82 R, 37 trades, variance .45, half-life 18 days, of 10."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.weights import (
    age_in_days,
    decay_weight,
    edge_weight,
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
