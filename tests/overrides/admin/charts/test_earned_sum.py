"""The chart of what was earned: when there is one, and what its scale leaves out."""

from __future__ import annotations

from overrides.admin.charts.earned_sum import earned_sum
from overrides.core.monitoring.days.day_sequence import FEWEST_DAYS
from overrides.core.monitoring.earning.earned import Day, Whole, whole

FIRST = 739_000


def earned(days: int) -> Whole:
    """Return what days earned of which each had four positions that earned 0.1 R, a little more on every other day."""
    return whole([Day(FIRST + day, 4, 4, 0.1 + 0.01 * (day % 2), 0.2, 1.0 + day % 3) for day in range(days)])


def heights(text: str) -> list[float]:
    return [float(pair.split(",")[1]) for pair in text.split()]


def test_is_none_until_there_is_an_interval() -> None:
    assert earned_sum(earned(0)) is None
    assert earned_sum(earned(FEWEST_DAYS - 1)) is None


def test_ends_at_the_sum_that_the_page_states() -> None:
    found = earned(FEWEST_DAYS + 10)
    picture = earned_sum(found)

    assert picture is not None
    assert picture.end == found.replayed.total
    assert len(heights(picture.total)) == FEWEST_DAYS + 10
    assert len(heights(picture.beside)) == FEWEST_DAYS + 9  # of the first day no mean exposure is known


def test_has_a_band_from_the_first_interval_to_the_last_around_the_sum() -> None:
    picture = earned_sum(earned(FEWEST_DAYS + 10))

    assert picture is not None
    band = heights(picture.band)
    assert len(band) == 2 * 11
    assert band[10] < heights(picture.total)[-1] < band[11]  # out on top, back below
