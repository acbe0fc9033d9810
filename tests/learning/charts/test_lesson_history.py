from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from learning.charts.lesson_history import history_rows, lesson_history_chart
from learning.models import LessonHistory
from tests.builders import DAY, NOW


def history_row(day: int, **over: Any) -> LessonHistory:
    fields: dict[str, Any] = {
        "status": "active", "edge_raw": 0.8, "n": 40.0, "weight": 0.1, "half_life_days": 90.0,
        "targets": {"size_mult": 1.1},
    }  # fmt: skip
    return LessonHistory(at=NOW + day * DAY, **fields | over)


def test_each_quantity_is_a_row_of_steps() -> None:
    track = lesson_history_chart([history_row(0), history_row(2, edge_raw=0.4)], NOW + 4 * DAY)

    assert track is not None
    assert [row.name for row in track.rows] == ["edge, R", "weight", "size_mult, from neutral"]
    edge = track.rows[0]
    points = [tuple(map(float, point.split(","))) for point in edge.line.split()]
    middle = (track.left + track.right) / 2
    assert [x for x, _ in points] == pytest.approx([track.left, middle, middle, track.right], abs=0.1)
    assert points[0][1] == points[1][1] < points[2][1] == points[3][1]
    assert edge.last == "0.4"


def test_its_standing_is_a_ribbon() -> None:
    history = [
        history_row(0, status="too_light"),
        history_row(1),
        history_row(2, edge_raw=0.9),
        history_row(3, status="withdrawn"),
        history_row(4),
    ]

    track = lesson_history_chart(history, NOW + 5 * DAY)

    assert track is not None
    assert [stretch.status for stretch in track.stretches] == ["too_light", "active", "withdrawn", "active"]
    width = (track.right - track.left) / 5
    assert [stretch.width for stretch in track.stretches] == pytest.approx([width, 2 * width, width, width])
    assert track.stretches[0].label == "too light to act from 2026-03-02"


def test_a_lever_it_no_longer_moves_stands_at_neutral() -> None:
    track = lesson_history_chart(
        [history_row(0, targets={"alloc_mult_target": 1.1}), history_row(1, targets={})], NOW + DAY
    )

    assert track is not None
    assert track.rows[-1].name == "alloc_mult, from neutral"
    assert track.rows[-1].last == "0"


def test_one_word_is_a_level_line() -> None:
    track = lesson_history_chart([history_row(0)], NOW)

    assert track is not None
    assert all(len({point.split(",")[1] for point in row.line.split()}) == 1 for row in track.rows)


def test_a_run_older_than_its_history_shows_all_of_it() -> None:
    track = lesson_history_chart([history_row(0), history_row(3)], NOW + timedelta(hours=1))

    assert track is not None
    assert track.rows[0].dots[-1][0] == pytest.approx(track.right)


def test_there_is_none_before_the_first_word() -> None:
    assert lesson_history_chart([], NOW) is None


def test_its_numbers_are_a_table() -> None:
    assert history_rows([history_row(0)]) == [
        {
            "at": "2026-03-02T12:00:00+00:00", "status": "active", "edge_raw": 0.8, "n": 40.0, "weight": 0.1,
            "half_life_days": 90.0, "targets": {"size_mult": 1.1},
        }
    ]  # fmt: skip


def test_a_lever_that_never_left_neutral_has_no_height_to_tell() -> None:
    track = lesson_history_chart([history_row(0, targets={"size_mult": 1.0})], NOW)

    assert track is not None
    assert [(row.low.label, row.high.label) for row in track.rows if row.name.startswith("size_mult")] == [("0", "")]
