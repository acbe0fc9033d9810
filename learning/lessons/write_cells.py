"""Write the cells of a group: all of them after a full count, or only those that a change touched."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from django.db import connection

from learning.core.cells.cell_columns import Cells
from learning.models import Cell, CellGroup
from learning.readers.group_columns import CELL_COLUMNS, GroupRows, cell_rows
from telemetry.foundation.bulk_copy import copy_rows

GIVEN = "unnest(%s::jsonb[], %s::integer[], %s::float8[], %s::float8[], %s::timestamptz[], %s::timestamptz[])"
THE_SAME = """
cell.group_id = %s AND jsonb_hash_extended(cell.scope, 0) = jsonb_hash_extended(given.scope, 0)
    AND cell.scope = given.scope
"""
UPDATE = f"""
UPDATE pattern_scope_stats AS cell
SET n = given.n, mean = given.mean, variance = given.variance,
    first_closed_at = given.first, last_closed_at = given.last
FROM {GIVEN} WITH ORDINALITY AS given (scope, n, mean, variance, first, last, place)
WHERE {THE_SAME}
RETURNING given.place
"""
DELETE = f"DELETE FROM pattern_scope_stats AS cell USING unnest(%s::jsonb[]) AS given (scope) WHERE {THE_SAME}"


def replace_cells(row: CellGroup, cells: Cells, group: GroupRows) -> None:
    """Write all cells of a group in place of the stored ones."""
    Cell.objects.filter(group=row).delete()
    copy_rows(Cell, CELL_COLUMNS, cell_rows(_near_each_other(cells), group, row.pk))


def change_cells(row: CellGroup, cells: Cells, group: GroupRows) -> int:
    """Write cells of a group over the stored ones of the same scope; return how many were not stored yet."""
    rows = list(cell_rows(cells, group, row.pk))
    scopes, statistics = [each[1] for each in rows], [[each[place] for each in rows] for place in range(3, 8)]
    with connection.cursor() as cursor:
        cursor.execute(UPDATE, [scopes, *statistics, row.pk])
        found = {place for (place,) in cursor.fetchall()}
    return copy_rows(Cell, CELL_COLUMNS, (each for place, each in enumerate(rows, 1) if place not in found))


def delete_cells(row: CellGroup, scopes: Sequence[str]) -> int:
    """Delete the cells of a group that have one of these scopes (as JSON); return their number."""
    with connection.cursor() as cursor:
        cursor.execute(DELETE, [list(scopes), row.pk])
        deleted: int = cursor.rowcount
    return deleted


def _near_each_other(cells: Cells) -> Cells:
    """Return the cells in an order that places those of one row's scope on few pages.

    Their values in dimensions with few values are compared last, so that neighbours share all others.
    """
    by_values = np.argsort(cells.codes.max(axis=0, initial=-1), kind="stable")
    order = np.lexsort(cells.codes.T[by_values]) if len(by_values) else np.arange(len(cells))
    return cells.take(order)
