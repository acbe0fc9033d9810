"""Count the cells of one group: all of them from its facts, or those that changed trades belong to."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np

from learning.core.cells.cell_columns import CellBudgetExceeded, Cells
from learning.core.cells.changed_cells import changed_cells
from learning.core.cells.cube import build_cube
from learning.lessons.write_cells import change_cells, delete_cells, replace_cells
from learning.models import CellGroup
from learning.readers.counted_rows import (
    Change,
    Counted,
    change_of,
    count_all,
    load_counted,
    store_changes,
    store_counted,
)
from learning.readers.group_columns import PatternGroup, Units, cell_rows, fetch_trades, load_group
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.parameters import LessonParameters

MOST_ROWS = 100  # changed at once; beyond, counting all cells costs about as much
MOST_CHANGES = 1_000  # trades since the last full count; they are written again with each change


def count_group(group: PatternGroup, parameters: ModuleParameters, cut: dict[str, Any], *, now: datetime) -> None:
    """Count all cells of a group from the outcomes that the module learns from, and replace the stored ones.

    Raises CellBudgetExceeded if they are too many.
    """
    units = Units()
    loaded = load_group(group, parameters.learned_from, now, units)
    if len(loaded.rows) == 0:
        CellGroup.objects.filter(**group._asdict()).delete()
        return
    cells = build_cube(loaded.rows, parameters.lessons)
    described = {"cut": cut, "n_outcomes": len(loaded.rows), "n_cells": len(cells), "aggregated_at": now}
    row, _ = CellGroup.objects.update_or_create(**group._asdict(), defaults=described)
    replace_cells(row, cells, loaded)
    store_counted(count_all(loaded, units), row)


def merge_changes(
    row: CellGroup, group: PatternGroup, trades: Collection[UUID], parameters: ModuleParameters, *, now: datetime
) -> bool:
    """Count and write the cells of a group that the rows of changed trades belong to.

    The cells are those that counting all would give. Returns False, with nothing changed, if the change is too large or
    the group has to be counted as a whole for another reason. Raises CellBudgetExceeded if the cells are too many.
    """
    before = load_counted(row, group)
    if before is None:
        return False
    fetched = fetch_trades(group, sorted(trades), parameters.learned_from, now)
    change = change_of(before, trades, fetched, parameters.learned_from)
    rows = change.after.rows()
    if len(change) > MOST_ROWS or change.after.changes > MOST_CHANGES or len(rows.rows) == 0:
        return False
    if len(change):
        _write(row, before, change, parameters.lessons)
        row.n_outcomes, row.aggregated_at = len(rows.rows), now
        row.save(update_fields=["n_outcomes", "n_cells", "aggregated_at"])
        store_changes(change.after, row)
    return True


def _write(row: CellGroup, before: Counted, change: Change, lessons: LessonParameters) -> None:
    """Write the cells that a change touches, and set the number of cells. Raises CellBudgetExceeded."""
    after = change.after.rows()
    cells = changed_cells(after.rows, np.concatenate([change.went, change.came]), lessons)
    lost = _lost(changed_cells(before.rows().rows, change.went, lessons), cells) if len(change.went) else None
    deleted = 0 if lost is None else delete_cells(row, [scope for _, scope, *_ in cell_rows(lost, after, row.pk)])
    row.n_cells += change_cells(row, cells, after) - deleted
    if row.n_cells > lessons.cell_budget:
        raise CellBudgetExceeded(lessons.cell_budget)


def _lost(old: Cells, new: Cells) -> Cells:
    """Return the old cells that are not among the new ones."""
    known = set(map(tuple, new.codes.tolist()))
    return old.take(np.array([tuple(codes) not in known for codes in old.codes.tolist()], dtype=np.bool_))
