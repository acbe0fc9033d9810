"""Facts into cells: rebuild the groups that recording marked dirty."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from learning.core.cells import Cells
from learning.core.cube import build_cubes
from learning.load import CELL_COLUMNS, Group, GroupRows, cell_rows, load_group
from learning.models import Cell, CellGroup
from overrides.core.parameters import LessonParameters
from overrides.load import current_parameters
from telemetry.copying import copy_rows
from telemetry.models import DirtyGroup


def aggregate_dirty(*, now: datetime, module: str | None = None) -> int:
    """Rebuild every group (of one module, or of all) with new facts; the number of groups rebuilt.

    Marks held by another worker are left to it. A group is locked before its facts are read, so whoever writes last
    has read last. Raises CellBudgetExceeded, with the marks kept, when the cells would not fit.
    """
    with transaction.atomic():
        marks = DirtyGroup.objects.all() if module is None else DirtyGroup.objects.filter(module=module)
        taken = list(marks.select_for_update(skip_locked=True).order_by("id"))
        groups = sorted({Group(mark.module, mark.pattern_key, mark.action_category) for mark in taken})
        for each in sorted({group.module for group in groups}):
            lessons = current_parameters(each).lessons
            aggregate_groups([group for group in groups if group.module == each], lessons, now=now)
        DirtyGroup.objects.filter(id__in=[mark.id for mark in taken]).delete()
    return len(groups)


@transaction.atomic
def aggregate_groups(groups: Sequence[Group], lessons: LessonParameters, *, now: datetime) -> None:
    """Rebuild the cells of groups of one module, under the module's learned dimensions and books."""
    if not groups:
        return
    _lock(groups)
    dimensions = lessons.dimensions_of(groups[0].module)
    loaded = [load_group(group, dimensions, lessons.books) for group in groups]
    for group, cells in zip(loaded, build_cubes([each.rows for each in loaded], lessons), strict=True):
        _replace(group, cells, now)


def _lock(groups: Sequence[Group]) -> None:
    with connection.cursor() as cursor:
        for group in groups:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", ["cells " + " ".join(group)])


def _replace(group: GroupRows, cells: Cells, now: datetime) -> None:
    identity = group.group._asdict()
    if len(group.rows) == 0:
        CellGroup.objects.filter(**identity).delete()
        return
    described = {
        "dimensions": list(group.dimensions),
        "n_outcomes": len(group.rows),
        "n_cells": len(cells),
        "aggregated_at": now,
    }
    row, is_new = CellGroup.objects.update_or_create(**identity, defaults=described)
    if not is_new:
        Cell.objects.filter(group=row).delete()
    copy_rows(Cell, CELL_COLUMNS, cell_rows(cells, group, row.pk))
