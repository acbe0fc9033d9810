"""The cells that a change touches: those over subsets of the scopes of the rows that came or went.

A row is in a cell if the cell's values are among the row's. The cells that contain none of the changed rows have the
same rows as before, and so the same statistics.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from learning.core.cells.cell_columns import Cells
from learning.core.cells.cube import build_cube
from learning.core.cells.rows import MISSING, Bools, Codes, Rows
from overrides.core.engine.definitions.parameters import LessonParameters


def changed_cells(rows: Rows, changed: Codes, parameters: LessonParameters) -> Cells:
    """Return those cells of `build_cube` that a row with one of the changed scopes belongs to or belonged to.

    `rows` are all rows of the group after the change; `changed` `(scopes, dims)` holds the codes of the rows that came
    or went. Values that no changed row has are left out of the cube, which is what makes it small. Raises
    CellBudgetExceeded as `build_cube` does.
    """
    scopes = np.unique(changed, axis=0)
    cells = build_cube(replace(rows, codes=_of_these(rows.codes, scopes)), parameters)
    if len(scopes) == 1:
        return cells
    return cells.take(_holding(cells.codes, scopes))


def _of_these(codes: Codes, scopes: Codes) -> Codes:
    """Return the codes with every value that none of the scopes has as missing."""
    kept = np.full_like(codes, MISSING)
    for dim, column in enumerate(codes.T):
        for value in np.unique(scopes[:, dim]):
            np.copyto(kept[:, dim], value, where=column == value)
    return kept


def _holding(cells: Codes, scopes: Codes) -> Bools:
    """Return which cells `(cells,)` have only values of one of the scopes."""
    found = np.zeros(len(cells), dtype=np.bool_)
    open_dims = cells == MISSING
    for scope in scopes:
        found |= (open_dims | (cells == scope)).all(axis=1)
    return found
