"""What acted by itself when an edge ended: the monitor, and a mandate that lapsed with its evidence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

from config.demo.planted.stage import Calendar
from config.demo.planted.statements.statement import Statement, in_force, line_of
from config.demo.planted.truth import EFFECTS, Effect
from overrides.models import ChangeRequest, Mandate
from overrides.requests.machine_acts import MONITOR
from overrides.requests.transitions import MANDATES
from telemetry.models import AttributionShare, AuditEntry

EVIDENCE_LAPSED = "its evidence lapsed"  # how the reason of such an entry begins
LATEST = timedelta(days=60)  # after its edge ended a line must be out of force


def ends(calendar: Calendar) -> Iterator[Statement]:
    """Yield what became of the line whose edge flips, of the one whose edge fades, and of those that go on."""
    flips, lasts, fades, _ = EFFECTS
    yield _disabled(flips, calendar)
    yield _after(flips, calendar)
    yield _lapsed(fades, calendar)
    yield _left_alone(lasts, calendar)
    yield _others(flips, calendar)


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
    return Statement(name, planted, stated, acts[0].closed_at == at and at - flipped <= LATEST)


def _after(effect: Effect, calendar: Calendar) -> Statement:
    """What stands of a line after its edge has flipped: nothing, or its opposite."""
    again = len(_disabling(effect)) - 1
    member = in_force(line_of(effect), calendar.end)
    size = 1.0 if member is None else member.override.spec.levers.get("size_mult", 1.0)
    stated = "it is not in force" if member is None else f"a reviewer approved its opposite, size_mult {size:.2f}"
    if again > 0:
        stated = f"a reviewer let it back, and the monitor disabled it again ({again}); in the end {stated}"
    return Statement(f"{effect.value} afterwards", "the line must not raise sizes", stated, again >= 0 and size <= 1.0)


def _lapsed(effect: Effect, calendar: Calendar) -> Statement:
    day, faded = effect.phases[1].since, calendar.day(effect.phases[1].since)
    name, planted = f"{effect.value} fades", f"from day {day}, {faded:%Y-%m-%d}, a quarter of the edge is left"
    at = next((when for when in _lapses(effect) if when >= faded), None)
    if at is None:
        return Statement(name, planted, "no mandate of the line lapsed", False)
    stated = f"its mandate ended on {at:%Y-%m-%d}, {(at - faded).days} days later, because its evidence lapsed"
    return Statement(name, planted, stated, not _disabling(effect))


def _left_alone(effect: Effect, calendar: Calendar) -> Statement:
    acts, member = _disabling(effect), in_force(line_of(effect), calendar.end)
    stands = "it is in force" if member else "it is not in force"
    stated = f"{stands}; the monitor " + ("disabled it" if acts else "left it alone")
    return Statement(
        f"{effect.value} lasts", "the edge is the same on the last day", stated, member is not None and not acts
    )


def _others(flips: Effect, calendar: Calendar) -> Statement:
    """Which other lines were disabled, and whether one of them was of a planted edge that had not changed by then.

    A line without an edge of its own promises next to nothing, so that luck alone can speak against it at any time.
    """
    planted = {line.pk: each for each in EFFECTS if (line := line_of(each)) is not None}
    acts = ChangeRequest.objects.filter(author_name=MONITOR, kind="lines").exclude(lines__line=line_of(flips))
    told, early = [], 0
    for request in acts.order_by("closed_at"):
        line = request.lines.select_related("line").get().line
        at = request.closed_at
        if line.pk in planted:
            changed = [phase.since for phase in planted[line.pk].phases[1:]]
            early += not changed or at is None or at < calendar.day(min(changed))
        told.append(f"{line} on {at:%Y-%m-%d}")
    return Statement(
        "other lines",
        "no line of a planted edge is disabled before that edge has changed",
        "; ".join(told) or "none was disabled",
        early == 0 and in_force(line_of(EFFECTS[1]), calendar.end) is not None,
    )


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
