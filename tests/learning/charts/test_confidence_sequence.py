from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.charts.confidence_sequence import (
    FULL,
    LARGEST,
    THUMBNAIL,
    EdgeSequence,
    Weeks,
    edge_sequence,
    sequence_rows,
)
from overrides.core.monitoring.days.confidence_sequence import half_width

MONDAY = date(2026, 1, 5)


def weeks(*edges: float, n: int = 20) -> Weeks:
    return [(MONDAY + timedelta(weeks=week), n, edge) for week, edge in enumerate(edges)]


def drawn(rows: Weeks, variance: float = 1.0, until: date | None = None, **how: object) -> EdgeSequence:
    picture = edge_sequence(rows, variance, until or rows[-1][0] + timedelta(days=7), **how)  # type: ignore[arg-type]
    assert picture is not None
    return picture


def points(line: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (point.split(",") for point in line.split())]


def test_weeks_add_up_to_one_mean_inside_its_interval() -> None:
    picture = drawn([(MONDAY, 10, 1.0), (MONDAY + timedelta(weeks=1), 30, 0.2)])

    last = picture.final
    assert (last.n_so_far, last.mean) == pytest.approx((40, 0.4))
    half = half_width(np.array([40.0]), 1.0)[0]
    assert (last.low, last.high) == pytest.approx((0.4 - half, 0.4 + half))
    assert not picture.excludes_zero


def test_a_week_stands_at_its_end_and_the_last_one_at_the_right() -> None:
    picture = drawn(weeks(0.5, 0.5, 0.5, 0.5))

    places = [week.x for week in picture.weeks]
    step = (FULL.right - FULL.left) / 4
    assert places == pytest.approx([FULL.left + step * (week + 1) for week in range(4)])


def test_the_last_60_days_are_a_block_with_their_own_mean() -> None:
    picture = drawn(weeks(*[1.0] * 12, *[-0.5] * 8))

    days = 140
    assert picture.recent.x == pytest.approx(FULL.left + (days - 60) / days * (FULL.right - FULL.left))
    assert picture.recent.x + picture.recent.width == pytest.approx(FULL.right)
    assert (picture.recent.n, picture.recent.mean) == pytest.approx((160, -0.5))


def test_all_of_a_short_history_is_the_block() -> None:
    picture = drawn(weeks(1.0, 0.0))
    assert (picture.recent.x, picture.recent.n, picture.recent.mean) == pytest.approx((FULL.left, 40, 0.5))


def test_a_silent_lesson_has_an_empty_block() -> None:
    picture = drawn(weeks(1.0, 1.0), until=MONDAY + timedelta(days=200))
    assert (picture.recent.n, picture.recent.mean) == (0, None)


def test_what_is_believed_is_drawn_before_and_in_the_block() -> None:
    picture = drawn(weeks(*[0.6] * 20), shrunk_edge=(0.1, 0.3))

    assert picture.shrunk_edge is not None
    before, recent = picture.shrunk_edge
    assert picture.zero_y - recent == pytest.approx(3 * (picture.zero_y - before))
    assert drawn(weeks(0.6)).shrunk_edge is None


def test_a_week_beyond_the_scale_is_marked_and_stays_inside() -> None:
    picture = drawn([*weeks(*[0.1] * 30, n=50), (MONDAY + timedelta(weeks=30), 1, 40.0)])

    assert [week.is_beyond for week in picture.weeks] == [False] * 30 + [True]
    assert picture.final.y == pytest.approx(FULL.top)


def test_a_clear_edge_leaves_zero_out() -> None:
    assert drawn(weeks(*[0.6] * 20)).excludes_zero
    assert drawn(weeks(*[-0.6] * 20)).excludes_zero


def test_a_dot_is_as_large_as_its_trades() -> None:
    picture = drawn([(MONDAY, 100, 1.0), (MONDAY + timedelta(weeks=1), 25, 0.5)])
    assert picture.weeks[0].radius == LARGEST
    assert 2 * (picture.weeks[1].radius - 2.5) == pytest.approx(LARGEST - 2.5)


def test_there_is_none_without_weeks() -> None:
    assert edge_sequence([], 1.0, MONDAY) is None


def test_its_numbers_are_a_table() -> None:
    row = sequence_rows(drawn(weeks(0.5, 0.1)))[1]
    assert row["week"] == "2026-01-12"
    assert (row["n"], row["n_so_far"], row["edge"], row["mean"]) == (20, 40, 0.1, pytest.approx(0.3))
    assert row["low"] < 0.3 < row["high"]


@given(
    st.lists(st.tuples(st.integers(1, 500), st.floats(-1e6, 1e6)), min_size=1, max_size=60),
    st.floats(0, 1e6),
    st.sampled_from([FULL, THUMBNAIL]),
)
def test_everything_lies_inside_the_picture(rows: list[tuple[int, float]], variance: float, frame: object) -> None:
    given_weeks = [(MONDAY + timedelta(weeks=week), n, edge) for week, (n, edge) in enumerate(rows)]
    picture = drawn(given_weeks, variance, frame=frame)

    places = [*points(picture.band), *points(picture.mean), *((week.x, week.y) for week in picture.weeks)]
    bounds = picture.frame
    for x, y in places:
        assert bounds.left - 0.1 <= x <= bounds.right + 0.1
        assert bounds.top - 0.1 <= y <= bounds.bottom + 0.1
