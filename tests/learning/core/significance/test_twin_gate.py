from __future__ import annotations

import pytest

from learning.core.significance.twin_gate import TwinCounts


@pytest.mark.parametrize(
    ("found", "weeks", "shifts", "expected"),
    [
        (8, (1, 1, 1, 1, 1), (0,) * 5, True),
        (8, (2, 1, 1, 1, 1), (0,) * 5, False),
        (8, (0,) * 5, (2, 1, 1, 1, 1), False),
        (30, (3, 3, 3, 3, 3), (3, 3, 3, 3, 3), True),
        (30, (3, 3, 3, 3, 4), (0,) * 5, False),
    ],
)
def test_neither_kind_may_find_more_than_one_or_a_tenth(
    found: int, weeks: tuple[int, ...], shifts: tuple[int, ...], expected: bool
) -> None:
    assert TwinCounts(found, weeks, shifts).is_beyond_noise is expected


def test_counts_are_read_as_they_were_stored() -> None:
    counts = TwinCounts(3, (0, 1, 0, 0, 0), (2, 0, 0, 0, 0), "abc")

    assert TwinCounts.from_document(counts.to_document()) == counts
    assert counts.counts == (0, 1, 0, 0, 0, 2, 0, 0, 0, 0)
