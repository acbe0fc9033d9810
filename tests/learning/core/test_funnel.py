from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from learning.core.funnel import BY_CHANCE, FEWEST, bands

Cell = tuple[float, float, float, int]


def columns(cells: list[Cell]) -> dict[str, Any]:
    names = ("n", "raw", "se", "emitted")
    return {name: [cell[place] for cell in cells] for place, name in enumerate(names)}


def test_by_hand() -> None:
    """Of 49, 50 and 250 trades; 1.96 standard errors of .1 are .196."""
    found = bands(columns([(49, 0.197, 0.1, 1), (50, -0.195, 0.1, 0), (250, -0.3, 0.1, 1)]))

    told = [(band.fewest, band.most, band.cells, band.outside, band.emitted, band.by_chance) for band in found]
    assert told == [(0, 49, 1, 1, 1, 0.05), (50, 99, 1, 0, 0, 0.05), (250, 999, 1, 1, 1, 0.05)]


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
