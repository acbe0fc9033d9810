from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.definitions.coefficients import LEVER_DIMENSIONS, coefficient_product, lever_values

WEIGHTS = st.dictionaries(
    st.sampled_from(sorted(LEVER_DIMENSIONS)), st.dictionaries(st.sampled_from("abc"), st.floats(0.5, 2.0))
)
SCOPES = st.dictionaries(st.sampled_from([*LEVER_DIMENSIONS.values(), "macro_phase"]), st.sampled_from("abc"))


class TestLeverValues:
    def test_names_the_timeframe_only_where_a_request_does(self) -> None:
        assert "timeframe" not in lever_values({"curator": "x"})
        assert lever_values({"timeframe": "1h"}) == {"timeframe": "1h"}


class TestCoefficientProduct:
    def test_multiplies_the_weights_of_a_decision(self) -> None:
        weights = {"curator": {"x": 1.2}, "vol": {"<10k": 0.8}, "timeframe": {"1h": 1.5}}

        product = coefficient_product(weights, {"curator": "x", "vol_bucket": "<10k"})

        assert product == pytest.approx(0.96)

    @given(WEIGHTS, SCOPES)
    def test_stays_within_a_half_and_two(self, weights: dict[str, dict[str, float]], scope: dict[str, str]) -> None:
        assert 0.5 <= coefficient_product(weights, scope) <= 2.0

    @given(SCOPES)
    def test_is_one_where_nothing_is_known(self, scope: dict[str, str]) -> None:
        assert coefficient_product({}, scope) == 1.0
