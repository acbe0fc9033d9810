from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.charts.forest import LEFT, RIGHT, Estimate, forest

ONE = Estimate(raw=0.6, raw_se=0.2, shrunk=0.2, sd=0.1, parent=0.1)


def test_intervals_are_of_95_percent() -> None:
    assert ONE.raw_interval == pytest.approx((0.208, 0.992))
    assert ONE.interval == pytest.approx((0.004, 0.396))
    assert ONE.exaggeration == pytest.approx(3.0)


def test_a_known_row_is_where_it_is_worked_out_by_hand() -> None:
    """Values 0, .6, .1, .004, .396; with a margin of 8 % above, 0 to .648 on 8 to 292."""
    picture = forest([ONE])

    assert picture is not None
    row = picture.rows[0]
    assert row.x_zero == LEFT
    assert row.raw.x == pytest.approx(8 + 0.6 / 0.648 * 284)
    assert row.x_parent == pytest.approx(8 + 0.1 / 0.648 * 284)
    assert row.shrunk is not None
    assert (row.shrunk.x_low, row.shrunk.x, row.shrunk.x_high) == pytest.approx(
        tuple(8 + value / 0.648 * 284 for value in (0.004, 0.2, 0.396))
    )
    assert (row.raw.x_high, row.raw.is_cut_high, row.raw.is_cut_low) == (RIGHT, True, False)


def test_rows_share_one_scale() -> None:
    picture = forest([ONE, Estimate(raw=-1.2, raw_se=0.1)])

    assert picture is not None
    first, second = picture.rows
    assert first.x_zero == second.x_zero == picture.x_zero
    assert second.raw.x < first.x_zero < first.raw.x
    assert (first.x_zero - second.raw.x) / (first.raw.x - first.x_zero) == pytest.approx(2.0)


def test_what_is_not_shrunk_has_no_second_interval() -> None:
    picture = forest([Estimate(raw=0.5, raw_se=0.1)])

    assert picture is not None
    assert (picture.rows[0].shrunk, picture.rows[0].x_parent) == (None, None)
    assert Estimate(raw=0.5, raw_se=0.1).exaggeration is None


def test_nothing_is_exaggerated_of_an_edge_of_nothing() -> None:
    assert Estimate(raw=0.5, raw_se=0.1, shrunk=0.0, sd=0.1).exaggeration is None


def test_there_is_none_without_lessons() -> None:
    assert forest([]) is None


EDGES = st.floats(-1e6, 1e6)


@given(
    st.lists(st.builds(Estimate, EDGES, st.floats(0, 1e6), EDGES, st.floats(0, 1e6), EDGES), min_size=1, max_size=30)
)
def test_everything_lies_inside_the_picture(estimates: list[Estimate]) -> None:
    picture = forest(estimates)

    assert picture is not None
    for row in picture.rows:
        assert row.shrunk is not None
        assert row.x_parent is not None
        places = [
            row.x_parent,
            row.raw.x_low,
            row.raw.x,
            row.raw.x_high,
            row.shrunk.x_low,
            row.shrunk.x,
            row.shrunk.x_high,
        ]
        assert all(LEFT - 0.1 <= place <= RIGHT + 0.1 for place in places)
        assert (row.shrunk.is_cut_low, row.shrunk.is_cut_high) == (False, False)
