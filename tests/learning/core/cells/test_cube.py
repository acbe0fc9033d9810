from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.cells.cell_columns import CellBudgetExceeded, Cells
from learning.core.cells.cube import build_cube, build_cubes
from learning.core.cells.rows import DAY, Rows
from overrides.core.engine.definitions.parameters import LessonParameters
from tests.learning.core.builders import by_unit, make_rows, random_rows

LOW = LessonParameters(n_min=(2, 2, 2, 2))
Statistics = tuple[int, float, float, int, int]


def as_dict(cells: Cells) -> dict[tuple[int, ...], Statistics]:
    columns = (cells.n, cells.mean, cells.variance, cells.first_closed_at, cells.last_closed_at)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return dict(zip(map(tuple, cells.codes.tolist()), rows, strict=True))


def naive_cube(rows: Rows, parameters: LessonParameters) -> dict[tuple[int, ...], Statistics]:
    """Return every subset of dimensions and every combination of values, computed one by one."""
    dims = rows.codes.shape[1]
    found: dict[tuple[int, ...], Statistics] = {}
    sizes = range(1 + (dims if parameters.max_subset_size is None else min(dims, parameters.max_subset_size)))
    for size in sizes:
        for subset in itertools.combinations(range(dims), size):
            for values in {tuple(row[list(subset)]) for row in rows.codes}:
                codes = np.full(dims, -1)
                codes[list(subset)] = values
                inside = rows.inside(codes)
                outcomes = by_unit(inside)
                if -1 not in values and (size == 0 or len(outcomes) >= parameters.n_min_of(size)):
                    variance = float(np.var(outcomes, ddof=1)) if len(outcomes) > 1 else 0.0
                    closed = int(inside.closed_at.min()), int(inside.closed_at.max())
                    found[tuple(codes.tolist())] = (len(outcomes), float(np.mean(outcomes)), variance, *closed)
    return found


def assert_same(cells: Cells, expected: dict[tuple[int, ...], Statistics]) -> None:
    actual = as_dict(cells)
    assert len(cells) == len(actual)
    assert actual.keys() == expected.keys()
    for codes, statistics in expected.items():
        assert actual[codes] == pytest.approx(statistics, rel=1e-9, abs=1e-12)


class TestBuildCube:
    def test_measures_by_hand(self) -> None:
        """Three trades of 10, 5 and 1 actions at 1, 2 and .5: n 3, mean 1.1667, sample variance .5833."""
        trade = [0] * 10 + [1] * 5 + [2]
        rows = make_rows([1.0] * 10 + [2.0] * 5 + [0.5], [[4]] * 16, trade=trade, closed_at=[7] * 10 + [9] * 5 + [3])

        cells = build_cube(rows, LOW)

        assert cells.mask.tolist() == [0, 1]
        assert cells.codes.tolist() == [[-1], [4]]
        assert cells.n.tolist() == [3, 3]
        assert cells.mean == pytest.approx([7 / 6, 7 / 6], rel=1e-12)
        assert cells.variance == pytest.approx([7 / 12, 7 / 12], rel=1e-12)
        assert (cells.first_closed_at.tolist(), cells.last_closed_at.tolist()) == ([3, 3], [9, 9])

    @pytest.mark.parametrize("clustered", [False, True])
    @pytest.mark.parametrize("max_subset_size", [None, 1, 2])
    @pytest.mark.parametrize("seed", range(4))
    def test_equals_the_loop(self, seed: int, max_subset_size: int | None, clustered: bool) -> None:
        rows = random_rows(seed, 150, (1, 2, 3, 5), clustered=clustered)
        parameters = LessonParameters(n_min=(4, 6, 8, 8), max_subset_size=max_subset_size)

        assert_same(build_cube(rows, parameters), naive_cube(rows, parameters))

    @given(st.integers(0, 10**6), st.integers(1, 40), st.booleans())
    @settings(deadline=None, max_examples=60)
    def test_equals_the_loop_on_few_rows(self, seed: int, count: int, clustered: bool) -> None:
        rows = random_rows(seed, count, (2, 1, 3), clustered=clustered)

        assert_same(build_cube(rows, LOW), naive_cube(rows, LOW))

    def test_does_not_depend_on_the_order_of_the_rows(self) -> None:
        rows = random_rows(5, 200, (2, 3, 4), clustered=True)
        shuffled = rows.take(np.random.default_rng(0).permutation(200))

        assert_same(build_cube(shuffled, LOW), as_dict(build_cube(rows, LOW)))

    def test_emits_every_parent_even_where_fewer_are_asked_of_larger_subsets(self) -> None:
        parameters = LessonParameters(n_min=(30, 5, 5, 5))
        cells = as_dict(build_cube(random_rows(2, 600, (1, 2, 2, 3), clustered=False), parameters))

        assert any(sum(code >= 0 for code in codes) == 3 for codes in cells)
        assert all(
            (*codes[:dim], -1, *codes[dim + 1 :]) in cells
            for codes in cells
            for dim in range(len(codes))
            if codes[dim] >= 0
        )

    def test_counts_a_trade_in_every_cell_it_touches(self) -> None:
        """Adds of one trade in different contexts must not hide the later ones."""
        rows = make_rows([1.0, 2.0, 3.0], [[0], [1], [1]], trade=[7, 7, 8])

        cells = as_dict(build_cube(rows, LessonParameters(n_min=(1, 1, 1, 1))))

        assert {codes: statistics[:2] for codes, statistics in cells.items()} == {
            (-1,): (2, 2.25),
            (0,): (1, 1.0),
            (1,): (2, 2.5),
        }

    def test_shifts_safely(self) -> None:
        """A sum of squares would lose the variance of numbers around 1e8."""
        rows = make_rows(1e8 + np.tile([0.0, 0.1, 0.2], 10), np.zeros((30, 1)))

        assert build_cube(rows, LOW).variance == pytest.approx([0.2 / 29] * 2, rel=1e-6)

    @pytest.mark.parametrize("scale", [1.0, 1e8])
    def test_measures_a_cell_far_from_the_rest_of_its_group_as_precisely(self, scale: float) -> None:
        """Squares about the mean of the group would lose what varies within the cell."""
        near, far = np.tile([0.0, 0.1, 0.2], 10), 5 * scale + np.tile([0.0, 0.1, 0.2], 10)
        rows = make_rows(np.concatenate([near, far]), np.repeat([[0], [1]], 30, axis=0))

        variance = as_dict(build_cube(rows, LOW))[1,][2]

        assert variance == pytest.approx(float(np.var(far, ddof=1)), rel=1e-9)

    @pytest.mark.parametrize("seed", range(3))
    def test_dates_cells_by_the_close_whatever_the_order_of_the_rows(self, seed: int) -> None:
        rows = random_rows(seed, 300, (2, 3), clustered=False)
        cells = build_cube(rows, LOW)

        for codes, first, last in zip(cells.codes, cells.first_closed_at, cells.last_closed_at, strict=True):
            inside = rows.inside(codes).closed_at
            assert (first, last) == (inside.min(), inside.max())


class TestExtremes:
    def test_emits_the_empty_subset_of_one_row(self) -> None:
        cells = build_cube(make_rows([-1.5], [[0, -1]]), LessonParameters())

        assert as_dict(cells) == {(-1, -1): (1, -1.5, 0.0, 0, 0)}

    def test_has_no_cells_without_rows(self) -> None:
        cells = build_cube(make_rows([], np.zeros((0, 3))), LessonParameters())

        assert len(cells) == 0
        assert cells.codes.shape == (0, 3)

    def test_works_without_dimensions(self) -> None:
        assert build_cube(make_rows([1.0, 3.0]), LessonParameters()).mean.tolist() == [2.0]

    @pytest.mark.parametrize("outcome", [0.1, -1e9, 0.0])
    def test_gives_equal_outcomes_no_variance(self, outcome: float) -> None:
        cells = build_cube(make_rows(np.full(50, outcome), np.arange(100).reshape(50, 2) % 3), LOW)

        assert len(cells) == 10
        assert cells.mean == pytest.approx(outcome, rel=1e-15)
        assert cells.variance == pytest.approx(0.0, abs=1e-30 * outcome**2)

    def test_ignores_a_dimension_nobody_has(self) -> None:
        rows = make_rows(np.ones(20), np.column_stack([np.zeros(20), np.full(20, -1)]))

        assert build_cube(rows, LOW).codes.tolist() == [[-1, -1], [0, -1]]

    def test_takes_thousands_of_values_and_sparse_codes(self) -> None:
        rng = np.random.default_rng(1)
        codes = np.column_stack([rng.integers(0, 5000, 20_000), 10**12 * rng.integers(0, 2, 20_000)])
        codes[rng.random(codes.shape) < 0.1] = -1
        parameters = LessonParameters(n_min=(5, 5, 5, 5))

        cells = build_cube(make_rows(rng.normal(size=20_000), codes), parameters)

        values, counts = np.unique(codes[(codes >= 0).all(axis=1)], axis=0, return_counts=True)
        assert int((cells.sizes == 2).sum()) == int((counts >= 5).sum())
        assert set(map(tuple, cells.codes[cells.sizes == 2].tolist())) == set(map(tuple, values[counts >= 5].tolist()))

    def test_takes_the_highest_bit_of_a_mask(self) -> None:
        codes = np.full((12, 64), -1)
        codes[:, [0, 63]] = 3

        assert build_cube(make_rows(np.ones(12), codes), LOW).mask.tolist() == [0, 1, 2**63 + 1, 2**63]

    def test_refuses_more_dimensions_than_bits(self) -> None:
        with pytest.raises(ValueError, match="65 dimensions, 64 at most"):
            build_cube(make_rows([1.0], np.zeros((1, 65))), LOW)

    def test_refuses_beyond_the_budget_naming_the_ways_out(self) -> None:
        rows = random_rows(1, 500, (3, 3, 3), clustered=False)
        needed = len(build_cube(rows, LOW))

        assert len(build_cube(rows, LOW, budget=needed)) == needed
        with pytest.raises(CellBudgetExceeded, match="raise n_min, set max_subset_size or drop a dimension"):
            build_cube(rows, LOW, budget=needed - 1)


class TestBuildCubes:
    def test_equals_a_cube_for_each_group(self) -> None:
        groups = [random_rows(seed, 30 * seed, (2, 3, 2), clustered=seed % 2 == 0) for seed in range(5)]

        together = build_cubes(groups, LOW)

        assert len(groups[0]) == len(together[0]) == 0
        for rows, cells in zip(groups, together, strict=True):
            assert_same(cells, as_dict(build_cube(rows, LOW)))

    def test_shares_the_budget(self) -> None:
        rows = make_rows([1.0, 2.0], closed_at=[0, DAY])

        with pytest.raises(CellBudgetExceeded):
            build_cubes([rows, rows], LOW, budget=1)
