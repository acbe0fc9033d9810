"""Fold trades into the detectors of monitors: each once, in order, late and corrected ones in their place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta

from django.db.models import Max

from overrides.core.monitoring.watching.e_detector import LIMIT, Detector
from overrides.core.monitoring.watching.watched_stream import Counted, Point, Stream
from overrides.models import Monitor, MonitorDay, MonitorTrade
from overrides.models.monitoring import HIGHEST
from telemetry.models import Trade

OVERLAP = timedelta(hours=2)  # attributions of parallel workers commit in another order than their times
State = Monitor.State


def new_monitor(
    module: str, kind: str, name: str, since: datetime, now: datetime, baseline: Mapping[str, float] | None = None
) -> Monitor:
    """Store a monitor that has counted nothing yet."""
    detector, sums = Stream().documents()
    return Monitor.objects.create(
        module=module, kind=kind, name=name, since=since, detector=detector, realised=sums, changed_at=now,
        baseline=None if baseline is None else dict(baseline),
    )  # fmt: skip


def why_red(row: Monitor, what: str) -> str:
    """Return how high the evidence against a monitored `what` stood: the limit counts on any day, not on the last."""
    highest = row.days.aggregate(highest=Max("level"))["highest"] or 0.0
    reached = max(row.level, highest)
    return f"the evidence that this {what} no longer works reached {reached:,.0f}, above the limit of {LIMIT:,.0f}"


def fold_all(
    monitors: Mapping[str, Monitor], news: Mapping[str, Mapping[str, Counted]], after: datetime | None, now: datetime
) -> int:
    """Count the news of each monitor (by its name, then by external id), and close days that are over.

    `after`: since when attributions were read. Returns how many trades were counted that were not before.
    """
    again, today = _told_again(after), now.astimezone(UTC).toordinal()
    counted = MonitorTrade.objects.filter(monitor__in=list(monitors.values()), external_id__in=again)
    touched = set(counted.values_list("monitor", flat=True))
    return sum(
        _fold(row, news.get(name, {}), again, today, now)
        for name, row in monitors.items()
        if name in news or row.pk in touched or Stream.read(row.detector, row.realised).is_over(today)
    )


def _told_again(after: datetime | None) -> list[str]:
    """Return the external ids of the trades that were attributed since, or corrected since."""
    if after is None:
        return []
    attributed = Trade.objects.filter(attribution__attributed_at__gt=after)
    corrected = Trade.objects.filter(is_current=True, revision__gt=1, recorded_at__gt=after)
    return list(attributed.values_list("external_id", flat=True).union(corrected.values_list("external_id", flat=True)))


def _fold(row: Monitor, fresh: Mapping[str, Counted], again: Collection[str], today: int, now: datetime) -> int:
    """Count trades of one monitor, close its days that are over, and save what changed; return how many are new."""
    is_changed = _forget(row, fresh, again)
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
        was_red = row.state == State.RED and not is_changed
        _save(row, stream, points + closed, in_order, now, was_red=was_red)
    return len(new)


def quiet_state(detector: Detector) -> str:
    """Return the state of a monitor that nothing is to be done about: above the limit it is so for others."""
    return State.SHARED if detector.is_red else State.AMBER if detector.is_amber else State.WATCHING


def _forget(row: Monitor, fresh: Mapping[str, Counted], again: Collection[str]) -> bool:
    """Drop counted trades that count no more, or otherwise; return whether any did."""
    counted = row.counted.filter(external_id__in={*fresh, *again})
    stale = [each.pk for each in counted if _differs(each, fresh.get(each.external_id))]
    return bool(stale) and bool(row.counted.filter(pk__in=stale).delete()[0])


def _differs(stored: MonitorTrade, told: Counted | None) -> bool:
    return told is None or (stored.trade, stored.closed_at, stored.u, stored.earned, stored.good) != (
        told.trade, told.closed_at, told.u, told.earned, told.good,
    )  # fmt: skip


def _all_counted(row: Monitor) -> list[Counted]:
    rows = row.counted.order_by("closed_at", "trade").values_list("closed_at", "trade", "u", "earned", "good")
    return [Counted(*each) for each in rows]


def _save(
    row: Monitor,
    stream: Stream,
    points: Collection[Point],
    trades: Collection[Counted],
    now: datetime,
    *,
    was_red: bool,
) -> None:
    """Store the state. A detector that was above the limit on any day is red, wherever it stands afterwards."""
    detector = stream.detector
    is_red = was_red or detector.is_red or any(point.level >= LIMIT for point in points)
    row.detector, row.realised = stream.documents()
    row.level, row.cusum = min(detector.level, HIGHEST), min(detector.cusum, HIGHEST)
    row.trades, row.changed_at = detector.seen, now
    if trades:
        last = max(each.order for each in trades)
        if row.last_closed_at is None or row.last_trade is None or last > (row.last_closed_at, row.last_trade):
            row.last_closed_at, row.last_trade = last
    row.state = State.RED if is_red else quiet_state(detector)
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
