"""Watch each line in force by its closed trades, and disable at once what has stopped working (docs/method.md 13.3).

A trade counts once, by its external id, in the order (closed_at, id). A new one that closed last costs one step. One
that is late, or corrected, changes the trades of its line, and the line's state is folded again from all of them. What
was attributed since the last run is read with an overlap, so a crash or a second run neither loses nor repeats any.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from overrides.core.monitoring.e_detector import LIMIT, standardised
from overrides.core.monitoring.touched import Touched
from overrides.core.monitoring.watched_stream import Counted, Point, Stream
from overrides.models import ModuleGuard, Monitor, MonitorDay, MonitorTrade
from overrides.models.monitoring import HIGHEST
from overrides.monitoring.guard import guard_module
from overrides.monitoring.touched_trades import touched_trades
from overrides.requests.machine_acts import disable_line
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import MODULES, Attribution, Trade

OVERLAP = timedelta(hours=2)  # attributions of parallel workers commit in another order than their times
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
    news: dict[str, list[Touched]] = {}
    for row in touched_trades(module=module, after=after):
        if row.line in began and row.closed_at >= began[row.line] and row.residual is not None and row.s_p and row.sign:
            news.setdefault(row.line, []).append(row)
    for line in news.keys() - monitors.keys():
        monitors[line] = _new(module, line, began[line], now)
    replaced = _replaced(after)
    corrected = set(
        MonitorTrade.objects.filter(monitor__module=module, external_id__in=replaced).values_list("monitor", flat=True)
    )
    today = now.astimezone(UTC).toordinal()
    count = sum(
        _fold(row, news.get(line, ()), replaced, today, now)
        for line, row in monitors.items()
        if line in news or row.pk in corrected or Stream.read(row.detector, row.realised).is_over(today)
    )
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
            row = _new(module, row.name, began[row.name], now)
        found[row.name] = row
    return found


def _new(module: str, line: str, since: datetime, now: datetime) -> Monitor:
    detector, sums = Stream().documents()
    return Monitor.objects.create(
        module=module, kind=Kind.LINE, name=line, since=since, detector=detector, realised=sums, changed_at=now
    )


def _replaced(after: tuple[datetime, UUID] | None) -> dict[str, UUID]:
    """Return the corrected trades that were attributed since: external id -> the trade that stands now."""
    rows = Trade.objects.filter(revision__gt=1, is_current=True)
    if after is not None:
        rows = rows.filter(attribution__attributed_at__gt=after[0])
    return dict(rows.values_list("external_id", "id"))


def _fold(row: Monitor, news: Collection[Touched], replaced: Mapping[str, UUID], today: int, now: datetime) -> int:
    """Count trades of one line, close its days that are over, and save what changed; return how many were counted."""
    fresh = {each.external_id: _counted(each) for each in news}
    is_changed = _forget(row, fresh, replaced)
    known = set(row.counted.filter(external_id__in=list(fresh)).values_list("external_id", flat=True))
    new = {name: each for name, each in fresh.items() if name not in known}
    MonitorTrade.objects.bulk_create(
        [
            MonitorTrade(
                monitor=row, external_id=name, trade=each.trade, closed_at=each.closed_at,
                u=each.u, earned=each.earned, good=each.good,
            )
            for name, each in new.items()
        ]
    )  # fmt: skip
    in_order = sorted(new.values(), key=lambda each: each.order)
    stream = Stream.read(row.detector, row.realised)
    if is_changed or (in_order and stream.is_closed(in_order[0].day)):
        row.days.all().delete()
        stream, in_order = Stream(), _all_counted(row)
        row.last_closed_at = row.last_trade = None
        is_changed = True
    stream, points = stream.plus(in_order)
    stream, closed = stream.closed(today)
    if in_order or closed or is_changed:
        _save(row, stream, points + closed, in_order, now)
    return len(new)


def _forget(row: Monitor, fresh: Mapping[str, Counted], replaced: Mapping[str, UUID]) -> bool:
    """Drop counted trades that were corrected since, or whose outcome is another one now; return whether any was."""
    stale = []
    for each in row.counted.filter(external_id__in=[*fresh, *replaced]):
        now_stands = replaced.get(each.external_id, each.trade)
        told = fresh.get(each.external_id)
        if each.trade != now_stands or (told is not None and _differs(each, told)):
            stale.append(each.pk)
    return bool(stale) and bool(row.counted.filter(pk__in=stale).delete()[0])


def _differs(stored: MonitorTrade, told: Counted) -> bool:
    return (stored.trade, stored.closed_at, stored.u, stored.earned, stored.good) != (
        told.trade, told.closed_at, told.u, told.earned, told.good,
    )  # fmt: skip


def _all_counted(row: Monitor) -> list[Counted]:
    rows = row.counted.order_by("closed_at", "trade").values_list("closed_at", "trade", "u", "earned", "good")
    return [Counted(*each) for each in rows]


def _counted(row: Touched) -> Counted:
    """Return a trade as the detector counts it; the caller has left out those whose promise lacks what it takes."""
    assert row.sign is not None
    assert row.residual is not None
    assert row.s_p
    good = abs(row.predicted or 0.0) / row.s_p
    return Counted(
        row.closed_at, row.trade, standardised(row.sign, row.residual, row.s_p), row.sign * row.residual, good
    )


def _save(row: Monitor, stream: Stream, points: Collection[Point], trades: Collection[Counted], now: datetime) -> None:
    detector = stream.detector
    row.detector, row.realised = stream.documents()
    row.level, row.cusum = min(detector.level, HIGHEST), min(detector.cusum, HIGHEST)
    row.trades, row.changed_at = detector.seen, now
    if trades:
        last = max(each.order for each in trades)
        if row.last_closed_at is None or row.last_trade is None or last > (row.last_closed_at, row.last_trade):
            row.last_closed_at, row.last_trade = last
    row.state = State.RED if detector.is_red else State.AMBER if detector.is_amber else State.WATCHING
    row.save()
    MonitorDay.objects.bulk_create(
        [
            MonitorDay(
                monitor=row, day=date.fromordinal(each.day),
                level=min(each.level, HIGHEST), cusum=min(each.cusum, HIGHEST),
            )
            for each in points
        ]
    )  # fmt: skip


def _disable_red(module: str, now: datetime) -> None:
    """Disable each line whose detector is red, in a transaction of its own."""
    for pk in Monitor.objects.filter(module=module, kind=Kind.LINE, state=State.RED).values_list("pk", flat=True):
        _disable(pk, now)


@transaction.atomic
def _disable(pk: int, now: datetime) -> None:
    name, module = Monitor.objects.values_list("name", "module").get(pk=pk)
    row = Monitor.objects.get(pk=pk)
    reason = (
        f"after {row.trades} closed trades since {utc_text(row.since)[:10]} the evidence that this line no longer "
        f"works reached {row.level:,.0f}, above the limit of {LIMIT:,.0f}"
    )
    request = disable_line(module=module, line_id=name, reason=reason, at=now)
    Monitor.objects.filter(pk=pk, state=State.RED).update(state=State.DISABLED, disabled_at=now, request=request)
