"""Guard each module that is on: if what it earned beside neutral is surely negative, it goes to shadow at once.

The uplift of a trade is what its levers and coefficients of the module earned, Σ (m - m0) * rr (docs/method.md 11). It
is summed by UTC day of the close since the module was switched on; the interval is always valid, with days as its
units. Days on which something was attributed since the last run are summed again, so late and corrected trades count.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import connection, transaction

from overrides.core.engine.definitions.coefficients import COEFFICIENT_MODULE
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.monitoring.days.day_sequence import DaySums, Interval
from overrides.models import GuardDay, ModuleGuard, ModuleMode
from overrides.monitoring.watching.counting import OVERLAP
from overrides.requests.machine_acts import drop_to_shadow

State = ModuleGuard.State

CHANGED_DAYS = """
SELECT DISTINCT (any_revision.closed_at AT TIME ZONE 'UTC')::date FROM telemetry_attribution AS a
JOIN telemetry_trade AS t ON t.id = a.trade_id JOIN telemetry_trade AS any_revision USING (external_id)
WHERE a.attributed_at > %s AND any_revision.closed_at >= %s
"""
UPLIFT = """
SELECT coalesce(sum(s.share), 0), count(DISTINCT s.attribution_id) FROM telemetry_attributionshare AS s
JOIN telemetry_trade AS t ON t.id = s.attribution_id
WHERE s.lever = ANY(%s) AND t.closed_at >= %s AND t.closed_at < %s AND t.closed_at >= %s
"""


def guard_module(*, module: str, now: datetime) -> None:
    """Bring the guard of a module up to date, and take the module to shadow if its whole interval is below zero."""
    interval = _updated(module, now)
    if interval is not None and interval.is_below_zero:
        _drop(module, interval, now)


@transaction.atomic
def _updated(module: str, now: datetime) -> Interval | None:
    """Return the interval of a module that is on, after its changed days were summed; None without one."""
    guard, _ = ModuleGuard.objects.get_or_create(module=module, defaults={"changed_at": now})
    guard = ModuleGuard.objects.select_for_update().get(module=module)
    mode = ModuleMode.objects.filter(module=module, mode=ModuleMode.Mode.ON).first()
    if mode is None:
        if guard.state == State.WATCHING:
            ModuleGuard.objects.filter(module=module).update(state=State.IDLE, changed_at=now)
        return None
    if guard.state != State.WATCHING or guard.since is None:
        GuardDay.objects.filter(module=module).delete()
        guard.state, guard.since, guard.dropped_at, guard.request = State.WATCHING, mode.changed_at, None, None
        _sum_days(module, guard.since, guard.since)
    else:
        _sum_days(module, guard.changed_at - OVERLAP, guard.since)
    rows = list(GuardDay.objects.filter(module=module, day__lt=now.date()).order_by("day"))
    sums = DaySums()
    for row in rows:
        sums = sums.plus(row.total, row.trades)
    interval = sums.interval()
    guard.days, guard.trades = sums.days, sums.trades
    found = (None, None, None) if interval is None else (interval.mean, interval.low, interval.high)
    guard.mean, guard.low, guard.high = found
    guard.changed_at = now
    guard.save()
    return interval


def _sum_days(module: str, after: datetime, since: datetime) -> None:
    """Sum again the days since `since` on which anything was attributed after `after`."""
    levers = levers_of(module)
    with connection.cursor() as cursor:
        cursor.execute(CHANGED_DAYS, [after, since])
        for (day,) in cursor.fetchall():
            cursor.execute(UPLIFT, [levers, day, day + timedelta(days=1), since])
            total, trades = cursor.fetchone()
            _store(module, day, float(total), int(trades))


def _store(module: str, day: date, total: float, trades: int) -> None:
    if trades:
        GuardDay.objects.update_or_create(module=module, day=day, defaults={"total": total, "trades": trades})
    else:
        GuardDay.objects.filter(module=module, day=day).delete()


def levers_of(module: str) -> list[str]:
    """Return the levers of a module whose effect on the outcome is identified; coefficients count with alloc_mult.

    >>> levers_of("dm"), levers_of("pm")
    (['alloc_mult'], ['size_mult'])
    """
    is_dm = module == COEFFICIENT_MODULE
    return [name for name, lever in LEVERS.items() if lever.scales_on and (lever.channel == "dm_alloc") == is_dm]


@transaction.atomic
def _drop(module: str, interval: Interval, now: datetime) -> None:
    reason = (
        f"over {interval.days} days and {interval.trades} trades {module} earned {interval.mean:+.4f} R per trade "
        f"beside neutral, and the whole interval from {interval.low:+.4f} to {interval.high:+.4f} R is below zero"
    )
    request = drop_to_shadow(module=module, reason=reason, at=now)
    if request is not None:
        ModuleGuard.objects.filter(module=module).update(state=State.DROPPED, dropped_at=now, request=request)
