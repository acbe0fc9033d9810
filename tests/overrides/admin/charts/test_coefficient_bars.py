from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.admin.charts.coefficient_bars import BAR_WIDTH, weight_bar, weight_track

WEIGHT = st.floats(0.5, 2.0)


class TestWeightBar:
    @given(WEIGHT, WEIGHT)
    def test_stays_within_its_track_and_starts_at_one(self, weight: float, served: float) -> None:
        bar = weight_bar(weight, served)

        assert -1e-9 <= bar.x <= bar.x + bar.width <= BAR_WIDTH + 1e-9
        assert pytest.approx(bar.one) in (bar.x, bar.x + bar.width)
        assert -1e-9 <= bar.served <= BAR_WIDTH + 1e-9

    def test_is_as_long_for_a_half_as_for_a_double(self) -> None:
        assert weight_bar(0.5, 1.0).width == pytest.approx(weight_bar(2.0, 1.0).width)


class TestWeightTrack:
    def test_is_nothing_without_a_version(self) -> None:
        assert weight_track([], 1.0) is None

    def test_names_some_of_many_versions(self) -> None:
        track = weight_track([(number, 1.0) for number in range(1, 61)], 1.1)

        assert track is not None
        assert len(track.versions) == 8
        assert track.dot[0] <= track.right
