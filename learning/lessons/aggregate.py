"""Facts to cells: rebuild the groups that recording marked as changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from learning.core.cells.cell_columns import Cells
from learning.core.cells.cube import build_cubes
from learning.models import Cell, CellGroup
from learning.readers.group_columns import CELL_COLUMNS, GroupRows, PatternGroup, cell_rows, load_group
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.versions.load_version import current_parameters
from telemetry.core.vocabulary import Module
from telemetry.foundation.bulk_copy import copy_rows
from telemetry.models import DirtyGroup, Outcome


def aggregate_dirty(*, now: datetime, module: str | None = None) -> int:
    """Rebuild every group with new facts, of one module or of all; return the number of groups.

    If a module's parameters changed since its cells were built, all of its groups are rebuilt. A group keeps its marks
    while one of its outcomes is not known yet, so that it is rebuilt once more when it is. Marks locked by another
    worker are left to it. A group is locked before its facts are read, so the last writer has also read last. Raises
    CellBudgetExceeded, with the marks kept, if the cells do not fit.
    """
    rebuilt = 0
    with transaction.atomic():
        for each in Module if module is None else [Module(module)]:
            parameters = current_parameters(each)
            marks = list(DirtyGroup.objects.filter(module=each).select_for_update(skip_locked=True).order_by("id"))
            groups = {PatternGroup(mark.module, mark.pattern_key, mark.action_category) for mark in marks}
            groups |= _outdated(parameters)
            aggregate_groups(sorted(groups), parameters, now=now)
            waiting = _waiting(each, now)
            done = [mark.id for mark in marks if (mark.pattern_key, mark.action_category) not in waiting]
            DirtyGroup.objects.filter(id__in=done).delete()
            rebuilt += len(groups)
    return rebuilt


@transaction.atomic
def aggregate_groups(groups: Sequence[PatternGroup], parameters: ModuleParameters, *, now: datetime) -> None:
    """Rebuild the cells of groups of one module from the outcomes that the module learns from."""
    if not groups:
        return
    _lock(groups)
    cut = _cut(parameters)
    loaded = [load_group(group, parameters.learned_from, now) for group in groups]
    for group, cells in zip(loaded, build_cubes([each.rows for each in loaded], parameters.lessons), strict=True):
        _replace(group, cells, cut, now)


def _cut(parameters: ModuleParameters) -> dict[str, Any]:
    """Return the parameters that determine which cells exist; ordered cuts and a universe only where there are any."""
    learned, lessons = parameters.learned_from, parameters.lessons
    cuts = {name: list(each.cuts) for name, each in learned.cuts.items() if name in learned.dimensions}
    return {
        "dimensions": list(learned.dimensions),
        "books": list(learned.books),
        "n_min": list(lessons.n_min),
        "max_subset_size": lessons.max_subset_size,
        **({"cuts": cuts} if cuts else {}),
        **({"universe": learned.universe} if learned.universe else {}),
    }


def _outdated(parameters: ModuleParameters) -> set[PatternGroup]:
    """Return every group of the module if its cells were built with other parameters; otherwise none.

    Without cells there is nothing to compare. If there are no marks either, existing facts belong to books that were
    not learned from when they arrived and may be now; marks mean that the first cells are still to be built.
    """
    module = parameters.module
    rows = CellGroup.objects.filter(module=module)
    if rows.exists():
        is_current = not rows.exclude(cut=_cut(parameters)).exists()
    else:
        is_current = DirtyGroup.objects.filter(module=module).exists()
    if is_current:
        return set()
    known = Outcome.objects.filter(module=module).values_list("pattern_key", "action_category").distinct()
    stored = rows.values_list("pattern_key", "action_category")
    return {PatternGroup(module, *names) for names in [*known, *stored]}


def _waiting(module: str, now: datetime) -> set[tuple[str, str]]:
    """Return the pattern and category of the module's groups with an outcome that is known only after `now`."""
    later = Outcome.objects.filter(module=module, known_at__gt=now)
    return set(later.values_list("pattern_key", "action_category").distinct())


def _lock(groups: Sequence[PatternGroup]) -> None:
    """Lock the groups until the end of the transaction."""
    with connection.cursor() as cursor:
        for group in groups:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", ["cells " + " ".join(group)])


def _replace(group: GroupRows, cells: Cells, cut: dict[str, Any], now: datetime) -> None:
    """Replace the stored cells of a group."""
    identity = group.group._asdict()
    if len(group.rows) == 0:
        CellGroup.objects.filter(**identity).delete()
        return
    described = {
        "cut": cut,
        "n_outcomes": len(group.rows),
        "n_cells": len(cells),
        "aggregated_at": now,
    }
    row, is_new = CellGroup.objects.update_or_create(**identity, defaults=described)
    if not is_new:
        Cell.objects.filter(group=row).delete()
    copy_rows(Cell, CELL_COLUMNS, cell_rows(cells, group, row.pk))
