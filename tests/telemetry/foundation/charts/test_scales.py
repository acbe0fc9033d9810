from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from telemetry.foundation.charts.scales import LinearScale, LogScale, round_log_values, round_values
from telemetry.foundation.core.number_text import signed

VALUES = st.floats(-1e6, 1e6).filter(lambda value: value == 0 or abs(value) > 1e-9)
POSITIVE = st.floats(1e-6, 1e6)


class TestRoundValues:
    @given(VALUES, VALUES)
    def test_are_two_to_five_within_the_range(self, one: float, other: float) -> None:
        low, high = sorted((one, other))
        assume(high - low > 1e-3 * max(abs(low), abs(high)))

        values = round_values(low, high)

        spare = 1e-5 * (high - low)
        assert 1 <= len(values) <= 5
        assert all(low - spare <= value <= high + spare for value in values)
        assert (0.0 in values) is (low <= 0.0 <= high) or abs(min(values, key=abs)) < spare

    @given(st.floats(1e-9, 1e9))
    def test_from_zero_reach_past_the_middle(self, high: float) -> None:
        values = round_values(0.0, high)

        assert values[0] == 0.0
        assert values[-1] > high / 2


class TestRoundLogValues:
    @given(POSITIVE, POSITIVE)
    def test_begin_with_1_2_or_5_and_lie_in_the_range(self, one: float, other: float) -> None:
        low, high = sorted((one, other))

        values = round_log_values(low, high)

        assert values == sorted(values)
        assert all(low <= value <= high and f"{value:e}"[0] in "125" for value in values)


class TestLinearScale:
    def test_of_nothing_still_has_an_axis(self) -> None:
        scale = LinearScale.around_zero([], 0, 100)

        assert scale(0.0) == 50.0
        assert "0" in [tick.label for tick in scale.ticks()]

    def test_marks_both_sides_of_zero(self) -> None:
        labels = [tick.label for tick in LinearScale(-12.0, 22.0, 0, 100).ticks(signed)]

        assert labels == ["\N{MINUS SIGN}10", "0", "+10", "+20"]

    def test_never_leaves_its_positions(self) -> None:
        scale = LinearScale(-1.0, 1.0, 10.0, 20.0)

        assert (scale(-5.0), scale(5.0)) == (10.0, 20.0)

    @given(st.lists(VALUES, min_size=1))
    def test_around_zero_holds_the_values_and_zero(self, values: list[float]) -> None:
        scale = LinearScale.around_zero(values, 100.0, 0.0)

        assert scale.low <= min(*values, 0.0) <= max(*values, 0.0) <= scale.high
        assert all(0.0 <= scale(value) <= 100.0 for value in values)

    def test_has_room_only_beside_values_on_that_side_of_zero(self) -> None:
        assert LinearScale.around_zero([1.0, 2.0], 0, 100).low == 0.0
        assert LinearScale.around_zero([-1.0, -2.0], 0, 100).high == 0.0


class TestLogScale:
    @given(st.floats(0.01, 1.0), st.floats(1.0, 10.0))
    def test_puts_equal_factors_equally_far_apart(self, value: float, factor: float) -> None:
        scale = LogScale(1e-3, 1e3, 10.0, 400.0)

        assert scale(value * factor) - scale(value) == pytest.approx(math.log(factor) / math.log(1e6) * 390.0, abs=1e-6)

    def test_places_a_value_outside_at_its_end(self) -> None:
        scale = LogScale(1e-4, 1.0, 0.0, 56.0)

        assert (scale(0.0), scale(1e-9), scale(0.01), scale(2.0)) == (0.0, 0.0, 28.0, 56.0)

    def test_labels_powers_of_ten(self) -> None:
        assert [tick.label for tick in LogScale(1e-6, 1.0, 0.0, 1.0).decades()] == [
            "1e\N{MINUS SIGN}06", "1e\N{MINUS SIGN}05", "0.0001", "0.001", "0.01", "0.1", "1",
        ]  # fmt: skip
