"""The effect of requests on exposure: computed for every request without being asked for, and kept with it.

It is the what-if over the last 10,000 decisions of the module. A request gets it within a minute of being submitted,
edited, or applied without a review; nobody has to wait for it to act.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Prefetch, Q

from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.models import ChangeRequest, Line, WhatIf
from overrides.requests.impact.what_if import EFFECT_DECISIONS, compare, is_about, request_what_if
from overrides.requests.kinds import KINDS
from overrides.requests.kinds.kind import Proposed

MEASURED = tuple(kind.name for kind in KINDS.values() if kind.proposed is not None)
AFTERWARDS = timedelta(days=2)  # what took effect without a review gets its effect if it is no older
MOST_AT_ONCE = 50  # requests of one run, so that the queue is never filled with them


@dataclass(frozen=True)
class Effect:
    """What a change would have done to the last decisions, mode taken as on.

    `percent` is the mean change of exposure; `low` and `high` are its 90 % prediction band for the next 14 days, None
    with fewer than 8 whole days of decisions (`days`). `levers` counts the answers that move, per lever. `served` is
    the change at the mode and the roll-out of now, in percent; None if they are not known.
    """

    percent: float
    low: float | None
    high: float | None
    days: int
    decisions: int
    changed: int
    levers: Mapping[str, int]
    served: float | None

    @property
    def warns(self) -> bool:
        """Whether it raises exposure."""
        return self.percent > 0

    @property
    def calms(self) -> bool:
        """Whether it lowers exposure."""
        return self.percent < 0


def request_effects(*, now: datetime) -> int:
    """Request the effect of each submitted request that has none for its present content; return their number.

    Included are requests that took effect at once or under mandates within the last two days. Requests of modes and
    policies change no answer and have no effect of this kind.
    """
    unreviewed = Q(
        state=ChangeRequest.State.APPLIED,
        route__in=(ChangeRequest.Route.MANDATE, ChangeRequest.Route.AT_ONCE),
        closed_at__gt=now - AFTERWARDS,
    )
    submitted = Q(state__in=ChangeRequest.OPEN) & ~Q(state=ChangeRequest.State.DRAFT)
    requests = ChangeRequest.objects.filter(submitted | unreviewed, kind__in=MEASURED).order_by("pk")
    missing = [
        request for request in requests.prefetch_related(_rows()) if row_of(request.what_ifs.all(), request) is None
    ]
    for request in missing[:MOST_AT_ONCE]:
        request_what_if(request.pk, EFFECT_DECISIONS, now)
    return len(missing[:MOST_AT_ONCE])


def row_of(rows: Iterable[WhatIf], request: ChangeRequest) -> WhatIf | None:
    """Return the newest of a request's what-ifs that is about its present content."""
    newest = sorted(rows, key=lambda row: row.asked_at, reverse=True)
    return next((row for row in newest if is_about(row, request)), None)


def effect_of(row: WhatIf | None, mode: ServingMode | None) -> Effect | None:
    """Return the effect that a what-if found, or None before it is known; `mode` is the mode of the module."""
    if row is None or row.status != WhatIf.Status.DONE or not row.document:
        return None
    return _effect(row.document, mode)


def effect_of_retiring(lines: Sequence[Line], mode: ServingMode | None) -> Effect:
    """Return the effect of retiring lines of one module, computed at once: only their patterns are answered again."""
    module = lines[0].module
    keys = {(module, line.pattern_key, line.action_category) for line in lines}
    change = Proposed(module, withdraw=[line.pk for line in lines])
    return _effect(compare(change, n=EFFECT_DECISIONS, keys=keys), mode)


def _effect(found: Mapping[str, Any], mode: ServingMode | None) -> Effect:
    exposure = found["exposure"]
    band = exposure.get("band")  # missing in results of older code
    return Effect(
        percent=exposure["percent"],
        low=None if band is None else band["low"],
        high=None if band is None else band["high"],
        days=exposure.get("whole_days", 0),
        decisions=found["asked"],
        changed=found["changed"],
        levers={name: lever["changed"] for name, lever in found["levers"].items() if lever["changed"]},
        served=None if mode is None else exposure["percent"] * _served_share(mode),
    )


def _served_share(mode: ServingMode) -> float:
    """Return the share of callers who are served: the roll-out of a module that is on."""
    return mode.rollout_percent / 100 if mode.mode is Mode.ON else 0.0


def _rows() -> Prefetch[Any]:
    """Return the what-ifs of requests without their documents."""
    return Prefetch("what_ifs", WhatIf.objects.defer("document"))
