from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.cells.cell_columns import Cells
from learning.core.cells.cube import build_cube
from learning.core.cells.parents import incremental_edges
from learning.core.plan_method.lesson_selection import Candidates, SelectionStatus, fresh_weight, select, stats_of
from overrides.core.engine.definitions.parameters import LessonParameters, WeightParameters
from overrides.core.engine.weights import Basis, formula_of, rounded_weight
from tests.learning.core.builders import random_rows

PLAN, WEIGHTS = LessonParameters(), WeightParameters(max_scope_dims=3)


def make_cells(cells: Mapping[Any, tuple[int, float]], variance: float = 0.0) -> Cells:
    """Return cells by codes: (n, mean)."""
    codes = np.array(list(cells), dtype=np.int64)
    n, mean = (np.array(column) for column in zip(*cells.values(), strict=True))
    mask = ((codes >= 0) * 2 ** np.arange(codes.shape[1])).sum(axis=1).astype(np.uint64)
    zeros = np.zeros(len(n), dtype=np.int64)
    return Cells(
        mask, codes, n, mean.astype(np.float64), np.full(len(n), variance), zeros, zeros + 1_735_689_605_000_000
    )


def chosen(cells: Cells, candidates: Candidates, standing: SelectionStatus) -> list[tuple[int, ...]]:
    return [tuple(codes) for codes in cells.codes[candidates.cell[candidates.standing == standing]].tolist()]


def naive_candidates(
    cells: Cells, baseline: float, lessons: LessonParameters, weights: WeightParameters
) -> list[tuple[tuple[int, ...], float, SelectionStatus]]:
    """Return codes, weight and status, simplest first, by a literal reading of the rule."""
    edges = {tuple(codes): mean - baseline for codes, mean in zip(cells.codes.tolist(), cells.mean, strict=True)}
    found = []
    for codes, n, variance in zip(cells.codes.tolist(), cells.n.tolist(), cells.variance.tolist(), strict=True):
        edge, dims = edges[tuple(codes)], [dim for dim, code in enumerate(codes) if code >= 0]
        parents = [edges[tuple(-1 if at == dim else code for at, code in enumerate(codes))] for dim in dims] or [0.0]
        gain = min(edge - parent if edge > 0 else parent - edge for parent in parents)
        if n >= lessons.n_min_of(len(dims)) and abs(edge) >= lessons.edge_min and gain >= lessons.incremental_min:
            mask = sum(1 << dim for dim in dims)
            basis = Basis(edge, n, variance, lessons.default_half_life_days, len(dims))
            found.append((len(dims), -abs(edge), mask, codes, fresh_weight(basis, formula_of(weights))))
    lessons_left, result = lessons.max_lessons, []
    for *_, codes, weight in sorted(found):
        standing = SelectionStatus.TOO_LIGHT
        if rounded_weight(weight) >= weights.min_total_weight:
            standing = SelectionStatus.LESSON if lessons_left > 0 else SelectionStatus.SURPLUS
            lessons_left -= 1
        result.append((tuple(codes), weight, standing))
    return result


class TestSelect:
    def test_learns_to_press_and_to_back_off(self) -> None:
        cells = make_cells({(-1,): (100, 0.0), (0,): (50, 0.8), (1,): (50, -0.8)})

        candidates = select(cells, 0.0, PLAN, WeightParameters(max_scope_dims=1))

        assert sorted(candidates.edge_raw.tolist()) == [-0.8, 0.8]
        assert candidates.incremental_edge.tolist() == [0.8, 0.8]
        assert candidates.standing.tolist() == [SelectionStatus.LESSON, SelectionStatus.LESSON]

    def test_asks_a_gain_over_every_parent_in_the_direction_of_the_edge(self) -> None:
        """(0, 0) adds .05 to its better parent (0, -); (1, 1) takes .2 off its worse parent (-, 1)."""
        cells = make_cells(
            {
                (-1, -1): (400, 0.0),
                (0, -1): (100, 0.7), (1, -1): (100, -0.4), (-1, 0): (100, 0.1), (-1, 1): (100, -0.6),
                (0, 0): (50, 0.75), (1, 1): (50, -0.8),
            }
        )  # fmt: skip

        candidates = select(cells, 0.0, PLAN, WEIGHTS)

        found = dict(zip(map(tuple, cells.codes[candidates.cell].tolist()), candidates.incremental_edge, strict=True))
        assert found == pytest.approx({(0, -1): 0.7, (-1, 1): 0.6, (1, 1): 0.2}, rel=1e-12)

    def test_measures_the_empty_subset_against_the_baseline(self) -> None:
        """Its weight is 0 (no dimension, no specificity), so it never acts."""
        cells = make_cells({(-1,): (100, 1.4)})

        candidates = select(cells, 0.5, PLAN, WEIGHTS)

        assert candidates.incremental_edge == pytest.approx([0.9], rel=1e-12)
        assert candidates.weight.tolist() == [0.0]
        assert candidates.standing.tolist() == [SelectionStatus.TOO_LIGHT]

    @pytest.mark.parametrize(("n", "edge", "is_candidate"), [(10, 0.5, True), (9, 0.5, False), (10, 0.499999, False)])
    def test_takes_its_limits_inclusively(self, n: int, edge: float, is_candidate: bool) -> None:
        """.7 - .2 is below .5 by one bit, and counts."""
        cells = make_cells({(-1,): (100, 0.2), (0,): (n, 0.2 + edge)})

        assert len(select(cells, 0.2, PLAN, WEIGHTS)) == int(is_candidate)

    def test_takes_three_simplest_among_those_heavy_enough(self) -> None:
        """One dimension of eight weighs at most .044, too light here; two dimensions suffice."""
        light = {(code, -1): (12, 0.9 - code / 100) for code in range(4)}
        heavy = {(code, code): (60, 2.0 + code / 10) for code in range(4)}
        cells = make_cells({(-1, -1): (999, 0.0)} | light | heavy | {(-1, code): (60, 0.0) for code in range(4)})

        candidates = select(cells, 0.0, PLAN, WeightParameters(max_scope_dims=8))

        assert chosen(cells, candidates, SelectionStatus.LESSON) == [(3, 3), (2, 2), (1, 1)]
        assert chosen(cells, candidates, SelectionStatus.SURPLUS) == [(0, 0)]
        assert chosen(cells, candidates, SelectionStatus.TOO_LIGHT) == list(light)
        assert candidates.weight[0] == pytest.approx(
            fresh_weight(Basis(0.9, 12, 0.0, 90.0, 1), formula_of(WeightParameters())), rel=1e-12
        )

    @pytest.mark.parametrize("seed", range(6))
    def test_equals_the_loop(self, seed: int) -> None:
        lessons = LessonParameters(n_min=(5, 5, 6, 6), edge_min=0.2, max_lessons=seed + 1)
        weights = WeightParameters(max_scope_dims=4, min_total_weight=0.03)
        cells = build_cube(random_rows(seed, 400, (2, 3, 3, 4), clustered=seed % 2 == 0), lessons)

        candidates = select(cells, 0.1, lessons, weights)

        actual = zip(
            map(tuple, cells.codes[candidates.cell].tolist()),
            candidates.weight.tolist(),
            map(SelectionStatus, candidates.standing.tolist()),
            strict=True,
        )
        expected = naive_candidates(cells, 0.1, lessons, weights)
        assert len(expected) > 10
        assert list(actual) == expected

    @given(st.integers(0, 10**6), st.floats(-1, 1))
    @settings(deadline=None, max_examples=30)
    def test_mirrors_mirrored_outcomes(self, seed: int, baseline: float) -> None:
        cells = build_cube(random_rows(seed, 200, (2, 3), clustered=False), PLAN)
        mirrored = Cells(
            cells.mask, cells.codes, cells.n, -cells.mean, cells.variance, cells.first_closed_at, cells.last_closed_at
        )

        one, other = select(cells, baseline, PLAN, WEIGHTS), select(mirrored, -baseline, PLAN, WEIGHTS)

        assert one.cell.tolist() == other.cell.tolist()
        assert one.edge_raw == pytest.approx(-other.edge_raw, rel=1e-12)
        assert one.standing.tolist() == other.standing.tolist()

    def test_finds_nothing_where_every_outcome_is_the_same(self) -> None:
        rows = random_rows(1, 300, (2, 2), clustered=True)
        cells = build_cube(type(rows)(rows.codes, np.ones(300), rows.trade, rows.cluster, rows.closed_at), PLAN)

        assert len(cells) > 1
        assert len(select(cells, 1.0, PLAN, WEIGHTS)) == 0

    def test_finds_nothing_among_no_cells(self) -> None:
        empty = random_rows(1, 300, (2, 2), clustered=True).take(np.arange(0))

        assert len(select(build_cube(empty, PLAN), 0.0, PLAN, WEIGHTS)) == 0


class TestIncrementalEdges:
    def test_refuses_cells_without_a_parent(self) -> None:
        cells = make_cells({(-1, -1): (50, 0.0), (0, 1): (20, 0.9), (0, -1): (30, 0.1)})

        with pytest.raises(ValueError, match="the parent of a cell is missing"):
            incremental_edges(cells, cells.mean, np.arange(3))

    def test_refuses_a_cell_given_twice(self) -> None:
        cells = make_cells({(-1,): (50, 0.0)})
        twice = Cells(*(np.concatenate([column, column]) for column in vars(cells).values()))

        with pytest.raises(ValueError, match="given twice"):
            incremental_edges(twice, twice.mean, np.arange(2))


class TestStats:
    def test_says_what_a_lesson_rests_on(self) -> None:
        stats = stats_of(make_cells({(-1,): (37, 1.32)}, variance=0.45), 0, 0.5, 90.0)

        assert (stats.n, stats.variance, stats.half_life_days) == (37, 0.45, 90.0)
        assert stats.edge_raw == pytest.approx(0.82, rel=1e-12)
        assert stats.updated_at == datetime(2025, 1, 1, 0, 0, 5, tzinfo=UTC)

    def test_holds_a_variance_that_is_too_large_to_be_told(self) -> None:
        assert stats_of(make_cells({(-1,): (37, 1.32)}, variance=1e11), 0, 0.5, 90.0).variance == 1e9
