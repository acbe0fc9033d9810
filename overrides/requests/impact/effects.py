"""The effect of changes on exposure: one replay for requests of every kind, and for what takes effect at once.

The last 10,000 decisions of the module, of 21 whole days at most, are answered again with and without the change, with
the weights of one hour. A request gets its effect within a minute of being submitted, edited, or applied without a
review, and keeps it; nobody has to wait for it to act.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Prefetch, Q

from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.core.impact.served_share import share_served
from overrides.models import ChangeRequest, WhatIf
from overrides.requests.impact.what_if import is_about, is_effect, request_effect
from overrides.requests.kinds import KINDS

MEASURED = tuple(kind.name for kind in KINDS.values() if kind.is_measured)
AFTERWARDS = timedelta(days=2)  # what took effect without a review gets its effect if it is no older
MOST_AT_ONCE = 50  # requests of one run, so that the queue is never filled with them
UNREVIEWED = (ChangeRequest.Route.MANDATE, ChangeRequest.Route.AT_ONCE)


class EffectStatus(StrEnum):
    """Whether the effect of a request is known, and if it is not, why."""

    KNOWN = "known"
    COMPUTING = "computing"
    FAILED = "failed"
    DRAFT = "draft"
    NONE = "none"
    NOT_COMPUTED = "not_computed"


WORDS = {
    EffectStatus.COMPUTING: "being computed; nothing waits for it",
    EffectStatus.DRAFT: "computed within a minute of submission",
    EffectStatus.NONE: "none: a policy decides who may approve what, and changes no answer",
    EffectStatus.NOT_COMPUTED: "not computed: the request was closed before its effect was known",
}


@dataclass(frozen=True)
class Effect:
    """What a change would have done to the last decisions, mode taken as on.

    `percent` is the mean change of exposure; `low` and `high` are its 90 % prediction band for the next 14 days, None
    with fewer than 8 whole days of decisions (`days`). `levers` counts the answers that move, per lever. `served` is
    the change for the callers that are served, in percent; None if they are not known. `in_force` and `acting` count
    the overrides before and after. `is_of_mode`: the change is that of serving, and the levers are the whole version's.
    `is_trial`: nothing of it is served.
    """

    percent: float
    low: float | None
    high: float | None
    days: int
    decisions: int
    changed: int
    levers: Mapping[str, int]
    served: float | None
    as_of: datetime | None = None
    in_force: tuple[int, int] | None = None
    acting: tuple[int, int] | None = None
    is_of_mode: bool = False
    is_trial: bool = False

    @property
    def warns(self) -> bool:
        """Whether it raises exposure."""
        return self.percent > 0

    @property
    def calms(self) -> bool:
        """Whether it lowers exposure."""
        return self.percent < 0

    def to_document(self) -> dict[str, Any]:
        """Return the figures as the API sends them."""
        names = ("percent", "low", "high", "days", "decisions", "changed", "levers", "served", "as_of")
        counts = {name: getattr(self, name) and list(getattr(self, name)) for name in ("in_force", "acting")}
        return {name: getattr(self, name) for name in names} | counts


@dataclass(frozen=True)
class KnownEffect:
    """The effect of a request as far as it is known; `words` say why it is not, and `row` holds the computation."""

    status: EffectStatus
    effect: Effect | None = None
    words: str = ""
    row: WhatIf | None = None


def request_effects(*, now: datetime) -> int:
    """Request the effect of each submitted request that has none for its present content; return their number.

    Included are requests that took effect at once or under mandates within the last two days. A policy changes no
    answer, so that a request of this kind has no effect.
    """
    unreviewed = Q(state=ChangeRequest.State.APPLIED, route__in=UNREVIEWED, closed_at__gt=now - AFTERWARDS)
    submitted = Q(state__in=ChangeRequest.OPEN) & ~Q(state=ChangeRequest.State.DRAFT)
    requests = ChangeRequest.objects.filter(submitted | unreviewed, kind__in=MEASURED).order_by("pk")
    missing = [
        request for request in requests.prefetch_related(_rows()) if effect_row(request.what_ifs.all(), request) is None
    ]
    for request in missing[:MOST_AT_ONCE]:
        request_effect(request.pk, now)
    return len(missing[:MOST_AT_ONCE])


def row_of(rows: Iterable[WhatIf], request: ChangeRequest) -> WhatIf | None:
    """Return the newest of a request's what-ifs that is about its present content."""
    newest = sorted(rows, key=lambda row: row.asked_at, reverse=True)
    return next((row for row in newest if is_about(row, request)), None)


def effect_row(rows: Iterable[WhatIf], request: ChangeRequest) -> WhatIf | None:
    """Return the newest of a request's what-ifs that is its effect, with its present content."""
    return row_of((row for row in rows if is_effect(row)), request)


def known_effect(request: ChangeRequest, mode: ServingMode | None, *, now: datetime) -> KnownEffect:
    """Return the effect of a request with its status; `mode` is the mode of the module, None if it is not known."""
    if not KINDS[request.kind].is_measured:
        return KnownEffect(EffectStatus.NONE, None, WORDS[EffectStatus.NONE])
    row = effect_row(request.what_ifs.all(), request)
    effect = effect_of(row, mode)
    if effect is not None:
        return KnownEffect(EffectStatus.KNOWN, effect, "", row)
    if row is not None and row.status == WhatIf.Status.FAILED:
        return KnownEffect(EffectStatus.FAILED, None, f"could not be computed: {row.error}", row)
    status = EffectStatus.COMPUTING if row is not None else _status_without_row(request, now)
    return KnownEffect(status, None, WORDS[status], row)


def _status_without_row(request: ChangeRequest, now: datetime) -> EffectStatus:
    if request.state == ChangeRequest.State.DRAFT:
        return EffectStatus.DRAFT
    is_recent = request.closed_at is not None and request.closed_at > now - AFTERWARDS
    is_due = request.state in ChangeRequest.OPEN or (request.route in UNREVIEWED and is_recent)
    return EffectStatus.COMPUTING if is_due else EffectStatus.NOT_COMPUTED


def effect_of(row: WhatIf | None, mode: ServingMode | None) -> Effect | None:
    """Return the effect that a what-if found, or None before it is known; `mode` is the mode of the module."""
    if row is None or row.status != WhatIf.Status.DONE or not row.document:
        return None
    kind = "" if row.request_id is None else row.request.kind  # a row read in part names no request
    return read_effect(row.document, mode, kind=kind, as_of=row.as_of)


def read_effect(
    found: Mapping[str, Any], mode: ServingMode | None, *, kind: str = "", as_of: datetime | None = None
) -> Effect:
    """Return the effect that a comparison found; `kind` is that of the request, if there is one."""
    exposure = found["exposure"]
    band = exposure.get("band")  # missing in results of older code
    counted = found.get("overrides") or {}
    is_trial = bool(kind) and not KINDS[kind].is_served
    is_of_mode = bool(found.get("is_of_mode"))  # missing in results of older code
    return Effect(
        percent=exposure["percent"],
        low=None if band is None else band["low"],
        high=None if band is None else band["high"],
        days=exposure.get("whole_days", 0),
        decisions=found["asked"],
        changed=found["changed"],
        levers={name: lever["changed"] for name, lever in found["levers"].items() if lever["changed"]},
        served=0.0 if is_trial else _served(exposure, mode, is_of_mode=is_of_mode),
        as_of=as_of,
        in_force=_pair(counted.get("in_force")),
        acting=_pair(counted.get("acting")),
        is_of_mode=is_of_mode,
        is_trial=is_trial,
    )


def _served(exposure: Mapping[str, Any], mode: ServingMode | None, *, is_of_mode: bool) -> float | None:
    """Return the change for the callers that are served: under the modes it was computed for, or at the mode of now."""
    kept = exposure.get("served")
    if kept is not None and (is_of_mode or (mode is not None and ServingMode.parse(kept["more"]) == _unsalted(mode))):
        return float(kept["percent"])
    if mode is None or (mode.mode is Mode.ON and mode.allow):
        return None
    return float(exposure["percent"]) * share_served(mode, {})


def _unsalted(mode: ServingMode) -> ServingMode:
    """Return a mode without the salt of its roll-out, which says who is served and not how many."""
    return replace(mode, rollout_salt="")


def _pair(values: Any) -> tuple[int, int] | None:
    return None if values is None else (values[0], values[1])


def _rows() -> Prefetch[Any]:
    """Return the what-ifs of requests without their documents."""
    return Prefetch("what_ifs", WhatIf.objects.defer("document"))
