from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.cells.changed_cells import changed_cells
from learning.core.cells.cube import build_cube
from overrides.core.engine.definitions.parameters import LessonParameters
from tests.learning.core.builders import make_rows, random_rows
from tests.learning.core.cells.test_cube import Statistics, as_dict

LOW = LessonParameters(n_min=(2, 3, 3, 3))


def assert_equal(found: dict[tuple[int, ...], Statistics], expected: dict[tuple[int, ...], Statistics]) -> None:
    """Compare cells; their sums may be taken in another order, which moves the last digits."""
    assert found.keys() == expected.keys()
    for codes, statistics in expected.items():
        assert found[codes] == pytest.approx(statistics, rel=1e-12, abs=1e-12)


class TestChangedCells:
    @given(st.integers(0, 10**6), st.integers(2, 60), st.integers(1, 8), st.booleans())
    @settings(deadline=None, max_examples=80)
    def test_are_those_of_the_cube_that_hold_a_changed_row(
        self, seed: int, count: int, changes: int, clustered: bool
    ) -> None:
        rows = random_rows(seed, count, (2, 3, 2), clustered=clustered)
        scopes = rows.codes[:changes]

        found = as_dict(changed_cells(rows, scopes, LOW))

        expected = {
            codes: statistics
            for codes, statistics in as_dict(build_cube(rows, LOW)).items()
            if any(all(code in (-1, own) for code, own in zip(codes, scope, strict=True)) for scope in scopes)
        }
        assert_equal(found, expected)

    @given(st.integers(0, 10**6), st.integers(3, 60), st.booleans())
    @settings(deadline=None, max_examples=80)
    def test_are_all_that_a_change_of_rows_changes(self, seed: int, count: int, clustered: bool) -> None:
        """Rows that went are no longer in the cube, and their scopes tell which cells lost them."""
        rows = random_rows(seed, count, (2, 3, 2), clustered=clustered)
        before, after = np.arange(count) > 0, np.arange(count) < count - 1
        scopes = rows.codes[[0, -1]]

        old, new = (as_dict(build_cube(rows.take(kept), LOW)) for kept in (before, after))
        changed = as_dict(changed_cells(rows.take(after), scopes, LOW))
        lost = set(as_dict(changed_cells(rows.take(before), scopes, LOW))) - set(changed)

        assert_equal({codes: old[codes] for codes in old.keys() - lost} | changed, new)

    def test_of_a_scope_without_values_is_the_empty_subset(self) -> None:
        rows = make_rows([1.0, 2.0, 3.0], [[0], [0], [0]])

        assert as_dict(changed_cells(rows, np.array([[-1]]), LOW)) == {(-1,): (3, 2.0, 1.0, 0, 172_800_000_000)}
