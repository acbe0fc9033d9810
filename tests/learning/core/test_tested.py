"""The columns of a funnel: rounded, bounded, the farthest kept."""

from __future__ import annotations

import numpy as np

from learning.core import tested


def cells(raw: list[float], se: float = 0.5) -> tested.Tested:
    values = np.array(raw)
    return tested.Tested(np.full(len(raw), 20), values, np.full(len(raw), se), values / 2, values > 1)


class TestColumns:
    def test_are_lists_of_plain_numbers(self) -> None:
        assert cells([1.23456789, -0.5]).to_document() == {
            "n": [20.0, 20.0],
            "raw": [1.234568, -0.5],
            "se": [0.5, 0.5],
            "shrunk": [0.617284, -0.25],
            "emitted": [1, 0],
            "total": 2,
        }

    def test_keep_those_farthest_from_no_edge_in_their_order(self) -> None:
        found = cells([0.1, -3.0, 0.2, 2.0, 0.0]).to_document(most=2)

        assert (found["raw"], found["total"]) == ([-3.0, 2.0], 5)

    def test_know_no_distance_without_an_error_but_no_infinity_either(self) -> None:
        with np.errstate(all="raise"):
            found = cells([0.0, 0.5], se=0.0).to_document(most=1)

        assert found["raw"] == [0.5]

    def test_of_nothing_are_empty(self) -> None:
        assert cells([]).to_document() == {"n": [], "raw": [], "se": [], "shrunk": [], "emitted": [], "total": 0}

    def test_join_part_after_part(self) -> None:
        joined = tested.Tested.join([cells([1.0]), cells([]), cells([2.0])])

        assert joined.raw.tolist() == [1.0, 2.0]
        assert len(joined) == 2
