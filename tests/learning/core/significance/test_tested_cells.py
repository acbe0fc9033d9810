"""The columns of a funnel: rounded, limited in number, with the farthest cells kept."""

from __future__ import annotations

import json

import numpy as np

from learning.core.significance import tested_cells


def cells(raw: list[float], se: float = 0.5) -> tested_cells.TestedCells:
    values = np.array(raw)
    return tested_cells.TestedCells(np.full(len(raw), 20), values, np.full(len(raw), se), values / 2, values > 1)


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

    def test_tell_those_that_act_then_the_farthest_in_their_order(self) -> None:
        found = cells([0.1, -3.0, 0.2, 1.2, 0.0]).to_document(most=2)
        assert (found["raw"], found["emitted"], found["total"]) == ([-3.0, 1.2], [0, 1], 5)

    def test_count_the_others_in_squares_and_all_in_bands(self) -> None:
        """Cells of 20 trades each; -3 and 1.2 lie outside 1.96 * .5."""
        found = cells([0.1, -3.0, 0.2, 1.2, 0.0]).to_document(most=2)

        assert found["bands"] == [[0, 49, 5, 2, 1]]
        assert sum(found["squares"]["counts"]) == 3
        assert len(found["squares"]["counts"]) % found["squares"]["across"] == 0

    def test_stay_small_however_many_they_are(self) -> None:
        rng = np.random.default_rng(2)
        n = np.exp(rng.uniform(3, 9, 200_000)).astype(np.int64)
        raw, se = rng.normal(size=len(n)) / np.sqrt(n), 1.4 / np.sqrt(n)
        document = tested_cells.TestedCells(n, raw, se, raw / 3, rng.uniform(size=len(n)) < 0.01).to_document()

        assert len(json.dumps(document)) < 200_000
        assert len(document["n"]) + sum(document["squares"]["counts"]) == document["total"] == 200_000

    def test_know_no_distance_without_an_error_but_no_infinity_either(self) -> None:
        with np.errstate(all="raise"):
            found = cells([0.0, 0.5], se=0.0).to_document(most=1)

        assert found["raw"] == [0.5]

    def test_of_nothing_are_empty(self) -> None:
        assert cells([]).to_document() == {"n": [], "raw": [], "se": [], "shrunk": [], "emitted": [], "total": 0}

    def test_join_part_after_part(self) -> None:
        joined = tested_cells.TestedCells.join([cells([1.0]), cells([]), cells([2.0])])

        assert joined.raw.tolist() == [1.0, 2.0]
        assert len(joined) == 2
