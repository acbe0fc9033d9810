from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.definitions.coefficients import (
    LEVER_DIMENSIONS,
    MATERIAL,
    coefficient_product,
    is_material,
    read_weights,
    steps_between,
)
from overrides.core.engine.position_scaling import Scaling, allocation_scaling, size_scaling

WEIGHT = st.floats(0.5, 2.0)
LEVER = st.floats(0.7, 1.3)
CAPS = st.none() | st.floats(1, 10)
VALUES = st.dictionaries(st.sampled_from(["a", "b"]), WEIGHT)
WEIGHTS = st.dictionaries(st.sampled_from(list(LEVER_DIMENSIONS)), VALUES)
SCOPES = st.dictionaries(st.sampled_from([*LEVER_DIMENSIONS.values(), "macro_phase"]), st.sampled_from(["a", "b", "c"]))


class TestReadWeights:
    def test_splits_at_the_first_equals_sign(self) -> None:
        assert read_weights({"curator=a=b": 1.5}) == {"curator": {"a=b": 1.5}}

    @pytest.mark.parametrize(
        "document",
        [
            [], {"chain": 1.0}, {"chain=": 1.0}, {"colour=red": 1.0}, {f"chain={'x' * 65}": 1.0}, {"chain=a": 0.49},
            {"chain=a": 2.01}, {"chain=a": math.nan}, {"chain=a": True}, {"chain=a": "1"}, {"chain=a": {"b": 1}},
        ],
    )  # fmt: skip
    def test_refuses_what_is_no_weight(self, document: object) -> None:
        with pytest.raises(ValueError, match=r"^coefficients"):
            read_weights(document)


class TestMaterial:
    def test_is_more_than_half_a_step_either_way(self) -> None:
        half = 1.02**0.5

        assert [is_material(1.0, weight) for weight in (half * 1.0001, half / 1.0001, 1 / half / 1.0001)] == [
            True, False, True,
        ]  # fmt: skip

    def test_counts_in_the_steps_of_lines(self) -> None:
        assert pytest.approx(math.log(1.02)) == 2 * MATERIAL
        assert steps_between({"a": 2.0, "b": 1.1}, {"b": 1.1}) == pytest.approx(math.log(2) / math.log(1.02))


class TestOfAllocation:
    @given(WEIGHTS, SCOPES, LEVER, CAPS)
    def test_is_the_clipped_product_within_the_cap(
        self, weights: Mapping[str, Mapping[str, float]], scope: Mapping[str, str], alloc: float, cap: float | None
    ) -> None:
        found = allocation_scaling(Scaling(weights, cap), scope, alloc)

        if not weights and cap is None:
            assert found is None
            return
        assert found is not None
        product = 1.0
        for lever, dimension in LEVER_DIMENSIONS.items():
            product *= weights.get(lever, {}).get(scope.get(dimension, "nothing"), 1.0)
        assert found.product == pytest.approx(min(max(product, 0.5), 2.0))
        assert found.product == coefficient_product(weights, scope)
        assert found.cut <= 0
        kept = found.product * found.kept * alloc
        assert kept == pytest.approx(min(found.product * alloc, math.inf if cap is None else cap))

    def test_weighs_a_value_nobody_has_seen_as_one(self) -> None:
        found = allocation_scaling(Scaling({"chain": {"base": 1.5}}), {"chain": "sol", "curator": "x"}, 1.0)

        assert found is not None
        assert (found.weights, found.product, found.cut) == ({}, 1.0, 0.0)


class TestOfSize:
    @given(st.floats(0.35, 2.6), LEVER, st.floats(1, 10))
    def test_keeps_to_the_cap_as_far_as_the_lever_goes(self, carried: float, size: float, cap: float) -> None:
        found = size_scaling(Scaling(cap=cap), carried, size, 0.7)

        assert found is not None
        kept = size * found.kept
        assert kept <= size * (1 + 1e-12)
        assert kept >= 0.7 - 1e-12
        assert kept * carried <= cap * (1 + 1e-12) or kept == pytest.approx(0.7)

    def test_is_nothing_without_a_cap(self) -> None:
        assert size_scaling(Scaling({"chain": {"base": 1.5}}), 2.0, 1.3, 0.7) is None

    @given(LEVER, st.floats(1, 10), WEIGHTS, SCOPES, LEVER)
    def test_leaves_neutral_alone_where_dm_keeps_to_the_same_cap(
        self,
        alloc: float,
        cap: float,
        weights: Mapping[str, Mapping[str, float]],
        scope: Mapping[str, str],
        size: float,
    ) -> None:
        dm = allocation_scaling(Scaling(weights, cap), scope, alloc)
        assert dm is not None

        found = size_scaling(Scaling(cap=cap), dm.product * dm.kept * alloc, size, 0.7)

        assert found is not None
        assert size * found.kept >= min(size, 1.0) - 1e-9
