"""What an endurance run concludes from what its callers saw: each of its verdicts can be a bad one."""

from __future__ import annotations

from pathlib import Path

from tests.bench.endurance import compared, growth, lines

MOVED, NEUTRAL = (("size_mult", 1.02),), (("size_mult", 1.0),)
EXPECTED = {7: [{"size_mult": 1.02}, {"size_mult": 0.98}]}


def test_an_answer_that_is_its_versions_own_is_right() -> None:
    assert compared({(0, 7, "COMBINED", MOVED): 3}, EXPECTED) == (0, 0)


def test_an_answer_that_belongs_to_another_question_is_wrong() -> None:
    assert compared({(1, 7, "COMBINED", MOVED): 3}, EXPECTED) == (3, 0)


def test_an_answer_that_moves_levers_without_an_engine_is_wrong() -> None:
    assert compared({(0, 7, "STALE", MOVED): 2, (0, 7, "STALE", NEUTRAL): 5}, EXPECTED) == (2, 0)


def test_an_answer_of_a_version_that_nobody_computed_is_counted_apart() -> None:
    assert compared({(0, 8, "COMBINED", MOVED): 4}, EXPECTED) == (0, 4)


def test_memory_that_grows_in_one_process_is_seen_beside_one_that_does_not() -> None:
    flat = [(float(second), 1, 100) for second in range(100)]
    growing = [(float(second), 2, 100 + second) for second in range(100)]

    assert growth(flat) == 1.0
    assert growth([*flat, *growing]) > 1.4


def test_lines_of_a_log_are_no_part_of_the_story(tmp_path: Path) -> None:
    story = tmp_path / "story"
    story.write_text('{"questions": []}\nTraceback\n{"event": "log"}\n{"version": 1, "levers": []}\n{"vers')

    assert [sorted(line) for line in lines(story)] == [["questions"], ["levers", "version"]]
