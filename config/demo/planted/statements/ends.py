"""What acted by itself when an edge ended: the monitor, and a mandate that lapsed with its evidence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

from config.demo.planted.stage import Calendar
from config.demo.planted.statements.statement import Statement, line_of
from config.demo.planted.truth import EFFECTS, Effect
from overrides.models import ChangeRequest, Mandate
from overrides.requests.machine_acts import MONITOR
from overrides.requests.transitions import MANDATES
from telemetry.models import AttributionShare, AuditEntry

EVIDENCE_LAPSED = "its evidence lapsed"  # how the reason of such an entry begins
LATEST = timedelta(days=90)  # after its edge ended a line must be out of force


def ends(calendar: Calendar) -> Iterator[Statement]:
    """Yield what became of the line whose edge flips, of the one whose edge fades, and of those that go on."""
    flips, lasts, fades, _ = EFFECTS
    yield _disabled(flips, calendar)
    yield _lapsed(fades, calendar)
    yield _left_alone(lasts)


def _disabled(effect: Effect, calendar: Calendar) -> Statement:
    day, flipped = effect.phases[1].since, calendar.day(effect.phases[1].since)
    line = line_of(effect)
    acts = _disabling(effect)
    name, planted = f"{effect.value} flips", f"on day {day}, {flipped:%Y-%m-%d}, the edge takes the other sign"
    at = next((request.closed_at for request in acts if request.closed_at and request.closed_at >= flipped), None)
    if line is None or at is None:
        return Statement(name, planted, "the monitor did not disable the line", False)
    shares = AttributionShare.objects.filter(line_id=line.pk, attribution__trade__closed_at__range=(flipped, at))
    trades = shares.values("attribution_id").distinct().count()
    stated = f"disabled by the monitor on {at:%Y-%m-%d}, {(at - flipped).days} days and {trades} trades later"
    return Statement(name, planted, stated, len(acts) == 1 and at - flipped <= LATEST)


def _lapsed(effect: Effect, calendar: Calendar) -> Statement:
    day, faded = effect.phases[1].since, calendar.day(effect.phases[1].since)
    name, planted = f"{effect.value} fades", f"from day {day}, {faded:%Y-%m-%d}, a quarter of the edge is left"
    at = next((when for when in _lapses(effect) if when >= faded), None)
    if at is None:
        return Statement(name, planted, "no mandate of the line lapsed", False)
    stated = f"its mandate ended on {at:%Y-%m-%d}, {(at - faded).days} days later, because its evidence lapsed"
    return Statement(name, planted, stated, not _disabling(effect))


def _left_alone(effect: Effect) -> Statement:
    acts = _disabling(effect)
    stated = "the monitor left it alone" if not acts else "the monitor disabled it"
    return Statement(f"{effect.value} lasts", "the edge is the same on the last day", stated, not acts)


def _disabling(effect: Effect) -> list[ChangeRequest]:
    """Return the requests by which the monitor disabled a line, the first one first."""
    rows = ChangeRequest.objects.filter(author_name=MONITOR, kind="lines", lines__line=line_of(effect))
    return list(rows.order_by("closed_at"))


def _lapses(effect: Effect) -> list[datetime]:
    """Return when mandates of a line ended because their evidence lapsed, the first one first."""
    entries = AuditEntry.objects.filter(action=MANDATES, actor=MONITOR).order_by("seq")
    told = [json.loads(content) for content in entries.values_list("content", flat=True)]
    ended = {pk for each in told if each["reason"].startswith(EVIDENCE_LAPSED) for pk in each["after"]["ended"]}
    mandates = Mandate.objects.filter(line=line_of(effect), pk__in=ended, revoked_at__isnull=False)
    return sorted(mandate.revoked_at for mandate in mandates if mandate.revoked_at is not None)
