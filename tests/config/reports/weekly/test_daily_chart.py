"""The bars of a week: heights computed by hand, and values that are written where their bars end."""

from __future__ import annotations

from typing import Any

import pytest

from config.reports.weekly.daily_chart import ABOVE, AXIS, BELOW, TALL, daily_chart

DAYS = ["2026-11-23", "2026-11-24", "2026-11-25"]


def week(*values: float | None) -> dict[str, Any]:
    return {"title": "Overrides", "unit": "R", "days": DAYS, "values": list(values)}


def test_is_none_without_a_value() -> None:
    assert daily_chart(week(None, None, 0.0)) is None


def test_a_gain_goes_up_from_the_axis_and_a_loss_down_by_their_share_of_the_largest() -> None:
    chart = daily_chart(week(2.0, -1.0, None))

    assert chart is not None
    gain, loss, missing = chart.bars
    assert (gain.y, gain.height) == (AXIS - TALL, TALL)
    assert (loss.y, loss.height, loss.is_loss) == (AXIS, TALL / 2, True)
    assert missing.height == 0


def test_a_value_stands_above_a_gain_and_below_a_loss() -> None:
    chart = daily_chart(week(2.0, -1.0, None))

    assert chart is not None
    gain, loss, missing = chart.bars
    assert (gain.value, gain.value_y) == ("+2.00", AXIS - TALL - ABOVE)
    assert (loss.value, loss.value_y) == ("\N{MINUS SIGN}1.00", AXIS + TALL / 2 + BELOW)
    assert missing.value == ""
    assert loss.value_y < chart.labels


@pytest.mark.parametrize(("largest", "shown"), [(0.0123, "+0.012"), (0.00042, "+0.00042"), (123.4, "+123.40")])
def test_a_value_has_the_decimals_that_the_largest_needs(largest: float, shown: str) -> None:
    chart = daily_chart(week(largest, 0.0, None))

    assert chart is not None
    assert chart.bars[0].value == shown
