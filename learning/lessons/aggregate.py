"""Facts to cells: bring the groups that recording marked as changed up to date, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from learning.core.cells.cell_columns import CellBudgetExceeded
from learning.lessons.count_cells import count_group, merge_changes
from learning.models import CellGroup
from learning.readers.group_columns import PatternGroup
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.versions.load_version import current_parameters
from telemetry.core.vocabulary import Module
from telemetry.models import DirtyGroup, Outcome
from telemetry.recording.dirty_groups import LARGEST_MARK, named


def aggregate_dirty(*, now: datetime, module: str | None = None) -> int:
    """Bring every group with new facts up to date, of one module or of all; return the number of groups.

    Each group is committed on its own, unless the caller has a transaction open. Raises CellBudgetExceeded, after all
    other groups are done, if the cells of some do not fit; these keep their cells and marks.
    """
    done, refused, budget = 0, list[str](), 0
    for each in Module if module is None else [Module(module)]:
        parameters = current_parameters(each)
        for group in changed_groups(parameters):
            try:
                done += aggregate_group(group, parameters, now=now)
            except CellBudgetExceeded:
                refused.append(" ".join(group))
                budget = max(budget, parameters.lessons.cell_budget)
    if refused:
        raise CellBudgetExceeded(budget, refused)
    return done


def changed_groups(parameters: ModuleParameters) -> list[PatternGroup]:
    """Return the groups of a module that have marks, or cells that were made under other parameters.

    Groups without cells come first: while one with old cells is left, they are known not to be done.
    """
    module = parameters.module
    marks = DirtyGroup.objects.filter(module=module).values_list("pattern_key", "action_category").distinct()
    stored = set(CellGroup.objects.filter(module=module).values_list("pattern_key", "action_category"))
    names = {*marks, *_outdated(parameters)}
    return [PatternGroup(module, *each) for each in sorted(names, key=lambda each: (each in stored, each))]


@transaction.atomic
def aggregate_group(group: PatternGroup, parameters: ModuleParameters, *, now: datetime) -> bool:
    """Bring the cells of one group up to date with its facts; return whether there was anything to do.

    Only the cells that a changed trade belongs to are counted and written, if the marks name the trades and they are
    few; otherwise all of them are. A mark remains for trades whose outcomes are not known yet. Marks locked by another
    worker are left to it. The group is locked before its facts are read, so the last writer has also read last. Raises
    CellBudgetExceeded, with nothing changed, if the cells do not fit.
    """
    marks = list(DirtyGroup.objects.filter(**group._asdict()).select_for_update(skip_locked=True).order_by("id"))
    if not marks and DirtyGroup.objects.filter(**group._asdict()).exists():
        return False
    _lock(group)
    row, cut = CellGroup.objects.filter(**group._asdict()).first(), _cut(parameters)
    is_current = row is not None and row.cut == cut
    if not marks and is_current:
        return False
    trades = _trades(marks)
    if row is None or not is_current or trades is None or not merge_changes(row, group, trades, parameters, now=now):
        count_group(group, parameters, cut, now=now)
    _settle(group, marks, trades, now)
    return True


def _trades(marks: Sequence[DirtyGroup]) -> set[UUID] | None:
    """Return the trades that marks name, or None if one of them names none."""
    names = [mark.trades for mark in marks if mark.trades is not None]
    return {trade for known in names for trade in known} if len(names) == len(marks) else None


def _settle(group: PatternGroup, marks: Sequence[DirtyGroup], trades: set[UUID] | None, now: datetime) -> None:
    """Delete the marks, and leave one for the trades with an outcome that is known only after `now`."""
    if not marks:
        return
    later = Outcome.objects.filter(**group._asdict(), known_at__gt=now)
    if trades is not None:
        later = later.filter(trade_id__in=trades)
    waiting = set(later.values_list("trade_id", flat=True).distinct()[: LARGEST_MARK + 1])
    DirtyGroup.objects.filter(id__in=[mark.id for mark in marks]).delete()
    if waiting:
        since = min(mark.marked_at for mark in marks)
        DirtyGroup.objects.create(**group._asdict(), trades=named(waiting), marked_at=since)


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


def _outdated(parameters: ModuleParameters) -> set[tuple[str, str]]:
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
    return {*known, *rows.values_list("pattern_key", "action_category")}


def _lock(group: PatternGroup) -> None:
    """Lock the group until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", ["cells " + " ".join(group)])
