from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from learning.core.significance.funnel import (
    ACROSS,
    BY_CHANCE,
    DOWN,
    FEWEST,
    Scale,
    Squares,
    bands,
    count_squares,
    n_stored,
)
from learning.core.significance.tested_cells import TestedCells

Cell = tuple[float, float, float, int]


def columns(cells: list[Cell]) -> dict[str, Any]:
    names = ("n", "raw", "se", "emitted")
    return {name: [cell[place] for cell in cells] for place, name in enumerate(names)}


def test_by_hand() -> None:
    """Cells of 49, 50 and 250 trades; 1.96 standard errors of .1 are .196."""
    found = bands(columns([(49, 0.197, 0.1, 1), (50, -0.195, 0.1, 0), (250, -0.3, 0.1, 1)]))

    counted = [(band.fewest, band.most, band.cells, band.outside, band.emitted, band.by_chance) for band in found]
    assert counted == [(0, 49, 1, 1, 1, 0.05), (50, 99, 1, 0, 0, 0.05), (250, 999, 1, 1, 1, 0.05)]


def test_chance_alone_puts_one_of_twenty_outside() -> None:
    rng = np.random.default_rng(1)
    se = rng.uniform(0.05, 0.5, 20_000)
    raw = rng.normal(0, se)
    found = bands({"n": [30.0] * 20_000, "raw": raw.tolist(), "se": se.tolist(), "emitted": [0] * 20_000})

    assert abs(found[0].outside / found[0].cells - BY_CHANCE) < 0.006


@given(
    st.lists(
        st.tuples(st.integers(1, 5000), st.floats(-3, 3), st.floats(0, 2), st.integers(0, 1)), min_size=1, max_size=40
    )
)
def test_equal_the_loop(cells: list[Cell]) -> None:
    expected: dict[int, list[int]] = {}
    for n, raw, se, emitted in cells:
        begins = max(fewest for fewest in FEWEST if n >= fewest)
        counts = expected.setdefault(begins, [0, 0, 0])
        counts[0] += 1
        counts[1] += abs(raw) > 1.96 * se
        counts[2] += emitted

    assert {band.fewest: [band.cells, band.outside, band.emitted] for band in bands(columns(cells))} == expected


def noise(n: int = 5000) -> TestedCells:
    rng = np.random.default_rng(4)
    units = np.exp(rng.uniform(3, 8, n)).astype(np.int64)
    se = 1.4 / np.sqrt(units)
    raw = rng.normal(0, se)
    return TestedCells(units, raw, se, raw / 2, np.arange(n) % 50 == 0)


def test_bands_are_of_all_cells_however_few_are_told_one_by_one() -> None:
    cells = noise()
    assert bands(cells.to_document(most=100)) == bands(cells.to_document())


def test_bands_of_an_older_run_are_of_what_it_kept() -> None:
    older = noise().to_document(most=100)
    del older["bands"], older["squares"]

    assert sum(band.cells for band in bands(older)) == n_stored(older) == 100


def test_every_cell_is_shown() -> None:
    cells = noise()
    assert n_stored(cells.to_document(most=100)) == n_stored(cells.to_document()) == 5000


class TestSquares:
    def test_hold_a_cell_where_it_is_worked_out_by_hand(self) -> None:
        """Precision 10 is the middle of 1 to 100, edge 1 of 2 a quarter from the top; 5 is beyond, at the top."""
        squares = Squares.of(Scale(1.0, 100.0, 2.0), np.array([1.0, 5.0]), np.array([0.1, 0.1]))

        assert np.argwhere(squares.counts).tolist() == [[0, ACROSS // 2], [DOWN // 4, ACROSS // 2]]
        assert squares.beyond == 1

    def test_are_the_same_read_again(self) -> None:
        cells = noise()
        squares = Squares.of(Scale.of(cells.raw, cells.se), cells.raw, cells.se)
        again = Squares.of_document(squares.to_document())

        assert (again.counts == squares.counts).all()
        assert (again.scale, again.beyond) == (squares.scale, squares.beyond)

    def test_are_told_by_their_middles(self) -> None:
        cells = noise()
        scale = Scale.of(cells.raw, cells.se)
        squares = Squares.of(scale, cells.raw, cells.se)
        count, precision, edge = (np.array(column) for column in zip(*squares.centres(), strict=True))

        assert count.sum() == 5000
        placed = count_squares(scale.across(precision), scale.down(edge), (DOWN, ACROSS))
        assert (placed == (squares.counts > 0)).all()

    @given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30))
    def test_are_counted_as_the_loop_does(self, places: list[tuple[float, float]]) -> None:
        expected = np.zeros((5, 7), dtype=int)
        for across, down in places:
            expected[min(int(down * 5), 4), min(int(across * 7), 6)] += 1

        across, down = np.array(places).T
        assert (count_squares(across, down, (5, 7)) == expected).all()
