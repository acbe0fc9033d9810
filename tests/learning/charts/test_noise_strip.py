from __future__ import annotations

import pytest

from learning.charts.noise_strip import DOT, HIGHEST, LEFT, RIGHT, strip
from telemetry.foundation.charts.canvas import WIDTH


def test_a_dot_is_where_its_count_is_worked_out_by_hand() -> None:
    picture = strip(20, [5])

    assert picture is not None
    room = WIDTH - LEFT - RIGHT - DOT
    assert picture.dots[0].x == pytest.approx(LEFT + DOT / 2 + room / 4)
    assert picture.x_real == pytest.approx(LEFT + DOT / 2 + room)


def test_twins_of_one_count_stand_above_each_other() -> None:
    picture = strip(9, [2, 0, 2])

    assert picture is not None
    assert [dot.count for dot in picture.dots] == [0, 2, 2]
    assert picture.dots[1].x == picture.dots[2].x
    assert picture.dots[1].y - picture.dots[2].y == DOT
    assert picture.dots[0].y == picture.dots[1].y == picture.axis - DOT / 2


def test_many_twins_of_one_count_stay_inside() -> None:
    picture = strip(3, [0] * 50)

    assert picture is not None
    assert len(picture.dots) == HIGHEST
    assert min(dot.y for dot in picture.dots) > picture.top


def test_more_in_noise_than_found_still_has_its_place() -> None:
    picture = strip(2, [30, 41])

    assert picture is not None
    assert picture.x_real < picture.dots[0].x < picture.dots[1].x <= WIDTH - RIGHT
    assert picture.anchor == "start"


def test_nothing_found_and_nothing_in_noise_meet_at_zero() -> None:
    picture = strip(0, [0, 0])

    assert picture is not None
    assert {dot.x for dot in picture.dots} == {picture.x_real}


def test_there_is_none_before_a_twin() -> None:
    assert strip(7, []) is None
