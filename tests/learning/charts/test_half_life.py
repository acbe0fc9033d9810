from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.charts.half_life import LARGEST, SMALLEST, fade, fade_rows

MONDAY = date(2026, 1, 5)
Weeks = list[tuple[date, int, float]]


def weeks(*edges: float, n: int = 20) -> Weeks:
    return [(MONDAY + timedelta(weeks=week), n, edge) for week, edge in enumerate(edges)]


def test_weeks_on_the_curve_lie_on_it() -> None:
    picture = fade(weeks(2.0, 1.0, 0.5, 0.25, 0.125), half_life=7.0)

    assert picture is not None
    assert picture.start == pytest.approx(2.0)
    assert [week.curve for week in picture.weeks] == pytest.approx([2.0, 1.0, 0.5, 0.25, 0.125])
    x, y = picture.half_at or (0.0, 0.0)
    assert (x, y) == pytest.approx((picture.weeks[1].x, picture.weeks[1].y))


def test_half_is_marked_only_where_the_weeks_reach_it() -> None:
    picture = fade(weeks(1.0, 1.0, 1.0), half_life=90.0)

    assert picture is not None
    assert picture.half_at is None


def test_weeks_without_trades_leave_a_gap() -> None:
    one, two, four = (each for index, each in enumerate(weeks(1.0, 0.8, 0.0, 0.4)) if index != 2)
    picture = fade([one, two, four], half_life=30.0)

    assert picture is not None
    places = [week.x for week in picture.weeks]
    assert places[2] - places[1] == pytest.approx(2 * (places[1] - places[0]))


def test_a_dot_is_as_large_as_its_trades() -> None:
    picture = fade([(MONDAY, 100, 1.0), (MONDAY + timedelta(weeks=1), 25, 0.5)], half_life=30.0)

    assert picture is not None
    assert [week.radius for week in picture.weeks] == [LARGEST, SMALLEST + (LARGEST - SMALLEST) / 2]


def test_there_is_none_without_weeks() -> None:
    assert fade([], half_life=90.0) is None


def test_its_numbers_are_a_table() -> None:
    picture = fade(weeks(2.0, 1.0), half_life=7.0)

    assert picture is not None
    assert fade_rows(picture)[1] == {"week": "2026-01-12", "n": 20, "edge_raw": 1.0, "curve": pytest.approx(1.0)}


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60), st.floats(1 / 24, 365))
def test_everything_lies_inside_the_picture(edges: list[float], half_life: float) -> None:
    picture = fade(weeks(*edges), half_life)

    assert picture is not None
    points = [tuple(map(float, point.split(","))) for point in picture.curve.split()]
    for x, y in [*points, *((week.x, week.y) for week in picture.weeks)]:
        assert picture.left - 0.1 <= x <= picture.right + 0.1
        assert picture.top - 0.1 <= y <= picture.bottom + 0.1
    assert picture.top <= picture.zero_y <= picture.bottom
