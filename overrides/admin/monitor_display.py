"""What pages say of a monitor: its state in words, its curve, and what came of its line beside what was promised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import Any

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.utils.safestring import SafeString

from overrides.admin.charts.monitor_curve import MonitorCurve, monitor_curve
from overrides.core.monitoring.days.day_sequence import FEWEST_DAYS, Interval
from overrides.core.monitoring.watching.e_detector import AMBER, LIMIT
from overrides.core.monitoring.watching.watched_stream import Stream
from overrides.models import Membership, Monitor, MonitorDay
from telemetry.foundation.admin.formatting import badge

TONES = {
    "watching": "valid",
    "amber": "shadow",
    "red": "off",
    "shared": "shadow",
    "disabled": "off",
}  # a word of the same tone
MEANINGS = {
    "watching": "The evidence against it has stayed below the limit.",
    "amber": "Its last trades went against it; that happens at some time to one in 50 to one in four of those that "
    "work, and asks for a look.",
    "red": "The evidence that it stopped working is above the limit; the monitor disables it at its next run.",
    "shared": "The evidence against it is above the limit, but too much of it comes from lines that acted beside it "
    "and fell short themselves. It stays in force, and is judged again with each day.",
    "disabled": "The monitor took it out of force. Only a reviewed request brings it back.",
}
RED_COEFFICIENT = (
    "The evidence that it stopped working is above the limit; machines may not change coefficients, so a request to "
    "set it to neutral waits for review."
)
OUT_OF_FORCE = "not in force"
NOT_COUNTED = "Its line is not in force, so nothing is counted. If the line comes back, a monitor of it begins anew."
SHOWN_DAYS = 500


@dataclass(frozen=True)
class Watched:
    """A monitor as pages show it. `interval` is what came of it per trade in R; None while there are too few days."""

    row: Monitor
    state: SafeString
    meaning: str
    curve: MonitorCurve | None
    interval: Interval | None
    days: int
    limit: float = LIMIT
    amber: float = AMBER
    fewest_days: int = FEWEST_DAYS


def with_standing(monitors: QuerySet[Monitor]) -> QuerySet[Any]:
    """Annotate `stands`: whether what is watched is in force; coefficients always are."""
    in_force = Exists(Membership.objects.filter(line=OuterRef("name"), to_version=None))
    stands = ExpressionWrapper(Q(kind=Monitor.Kind.COEFFICIENT) | in_force, BooleanField())
    return monitors.annotate(stands=stands)


def _is_idle(row: Any) -> bool:
    return row.state != Monitor.State.DISABLED and not row.stands


def state_badge(row: Any) -> SafeString:
    """Format the state of a monitor, which `stands` is known of, as a badge."""
    return badge("draft", OUT_OF_FORCE) if _is_idle(row) else badge(TONES[row.state], row.state)


def watched(row: Any) -> Watched:
    """Return a monitor, which `stands` is known of, as its page shows it."""
    stream = Stream.read(row.detector, row.realised)
    newest = MonitorDay.objects.filter(monitor=row).order_by("-day").values_list("day", "level")[:SHOWN_DAYS]
    points: list[tuple[date, float]] = list(newest)[::-1]
    return Watched(
        row=row,
        state=state_badge(row),
        meaning=_meaning(row),
        curve=monitor_curve(points),
        interval=stream.realised.interval(),
        days=stream.realised.days,
    )


def _meaning(row: Any) -> str:
    if _is_idle(row):
        return NOT_COUNTED
    return RED_COEFFICIENT if (row.kind, row.state) == ("coefficient", "red") else MEANINGS[row.state]


def watched_briefly() -> Subquery:
    """Return the expression over lines: a document with the key, state and figures of the monitor; None without one."""
    rows = with_standing(Monitor.objects.filter(kind=Monitor.Kind.LINE, name=OuterRef("pk")))
    document = JSONObject(
        pk="pk", kind="kind", state="state", stands="stands", level="level", trades="trades", request_id="request_id"
    )
    return Subquery(rows.values(document=document)[:1])


def brief(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return such a document with its state and meaning as pages show them."""
    row = SimpleNamespace(**document)
    return {"row": row, "state": state_badge(row), "meaning": _meaning(row), "limit": LIMIT}
