"""Watch each line in force by its closed trades, and disable at once what has stopped working (docs/method.md 13.3).

A trade counts once, by its external id, in the order (closed_at, id). A new one that closed last costs one step. One
that is late, or corrected, changes the trades of its line, and the line's state is folded again from all of them. What
was attributed since the last run is read with an overlap, so a crash or a second run neither loses nor repeats any.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from overrides.core.engine.definitions.coefficients import COEFFICIENT_MODULE
from overrides.core.monitoring.scoring.touched import Touched
from overrides.core.monitoring.watching.e_detector import standardised
from overrides.core.monitoring.watching.watched_stream import Counted, Stream
from overrides.models import ModuleGuard, Monitor
from overrides.models.monitoring import HIGHEST
from overrides.monitoring.scoring.touched_trades import touched_trades
from overrides.monitoring.watching.blame import judged
from overrides.monitoring.watching.coefficients import count_coefficients, propose_neutral
from overrides.monitoring.watching.counting import OVERLAP, fold_all, new_monitor, quiet_state, why_red
from overrides.monitoring.watching.guard import guard_module
from overrides.requests.machine_acts import disable_line
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import MODULES, Attribution

FIRST = UUID(int=0)
Kind, State = Monitor.Kind, Monitor.State

# Since when each line in force has been so without a break; versions of trials, and what restored them, are no break.
BEGAN = """
SELECT m.line_id, max(v.published_at) FROM overrides_membership AS m
JOIN learning_configs AS v ON v.module = m.module AND v.number = m.from_version AND v.kind NOT IN ('trial', 'restored')
WHERE m.module = %s AND m.line_id IN (
    SELECT line_id FROM overrides_membership WHERE module = %s AND to_version IS NULL
) AND NOT EXISTS (
    SELECT FROM overrides_membership AS before WHERE before.line_id = m.line_id AND before.to_version = m.from_version
) GROUP BY m.line_id
"""


def monitor(*, now: datetime) -> int:
    """Count what was attributed since the last run, disable what is red, guard the modules; return the trades counted.

    Running it again changes nothing.
    """
    counted = 0
    for module, _ in MODULES:
        counted += _count(module, now)
        _disable_red(module, now)
        if module == COEFFICIENT_MODULE:
            propose_neutral(now)
        guard_module(module=module, now=now)
    return counted


@transaction.atomic
def _count(module: str, now: datetime) -> int:
    """Count the new, late and corrected trades of a module's lines in force; return how many."""
    guard, _ = ModuleGuard.objects.get_or_create(module=module, defaults={"changed_at": now})
    guard = ModuleGuard.objects.select_for_update().get(module=module)  # one monitor at a time
    began = _began(module)
    monitors = _restarted(module, began, now)
    after = None if guard.read_until is None else (guard.read_until - OVERLAP, FIRST)
    news: dict[str, dict[str, Counted]] = {}
    for row in touched_trades(module=module, after=after):
        if row.line in began and row.closed_at >= began[row.line] and row.residual is not None and row.s_p and row.sign:
            news.setdefault(row.line, {})[row.external_id] = _counted(row)
    for line in news.keys() - monitors.keys():
        monitors[line] = new_monitor(module, Kind.LINE, line, began[line], now)
    count = fold_all(monitors, news, None if after is None else after[0], now)
    if module == COEFFICIENT_MODULE:
        count += count_coefficients(None if after is None else after[0], now)
    newest = Attribution.objects.order_by("-attributed_at").values_list("attributed_at", flat=True).first()
    if newest is not None and newest != guard.read_until:
        ModuleGuard.objects.filter(module=module).update(read_until=newest)
    return count


def _began(module: str) -> dict[str, datetime]:
    with connection.cursor() as cursor:
        cursor.execute(BEGAN, [module, module])
        return dict(cursor.fetchall())


def _restarted(module: str, began: Mapping[str, datetime], now: datetime) -> dict[str, Monitor]:
    """Return the monitors of lines in force; one whose line came back into force begins anew."""
    rows = Monitor.objects.select_for_update().filter(module=module, kind=Kind.LINE, name__in=began.keys())
    found = {}
    for row in rows.order_by("pk"):
        if row.since != began[row.name]:
            row.delete()
            row = new_monitor(module, Kind.LINE, row.name, began[row.name], now)
        found[row.name] = row
    return found


def _counted(row: Touched) -> Counted:
    """Return a trade as the detector counts it; the caller has left out those whose promise lacks what it takes."""
    assert row.sign is not None
    assert row.residual is not None
    assert row.s_p
    good = abs(row.predicted or 0.0) / row.s_p
    return Counted(
        row.closed_at, row.trade, standardised(row.sign, row.residual, row.s_p), row.sign * row.residual, good
    )


def _disable_red(module: str, now: datetime) -> None:
    """Disable each line whose detector is red through its own fault, in a transaction of its own."""
    for pk in Monitor.objects.filter(module=module, kind=Kind.LINE, state=State.RED).values_list("pk", flat=True):
        _judge(pk, now)


@transaction.atomic
def _judge(pk: int, now: datetime) -> None:
    """Disable the line of a red monitor, or note that the shortfall is that of lines beside it."""
    row = Monitor.objects.get(pk=pk)
    found = judged(row, now)
    row.remaining = min(found.remaining, HIGHEST)
    if found.is_to_blame:
        reason = f"after {row.trades} closed trades since {utc_text(row.since)[:10]} {why_red(row, 'line')}"
        row.request = disable_line(module=row.module, line_id=row.name, reason=reason, at=now)
        row.state, row.disabled_at = State.DISABLED, now
    else:
        row.state = quiet_state(Stream.read(row.detector, row.realised).detector)
    row.save(update_fields=["remaining", "request", "state", "disabled_at"])
