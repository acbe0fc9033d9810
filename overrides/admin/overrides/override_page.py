"""Content of an override's page: weight factors, decay, targets, the versions that contain it, and what it moved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Sum

from overrides.admin.charts.decay_curve import decay_curve
from overrides.admin.charts.lever_ranges import lever_tracks
from overrides.admin.charts.weight_waterfall import waterfall
from overrides.admin.decisions.decision_search import moved_by_override
from overrides.admin.weight_display import Weights
from overrides.core.engine.definitions.vocabulary import Combiner
from overrides.core.impact.weight_breakdown import Weighing, weigh
from overrides.models import Mandate, Membership, Override
from overrides.requests.renewal import SIGNERS
from overrides.requests.votes import suspended
from telemetry.models import AttributionShare, Decision, DecisionOutcome

SHOWN = 12  # decisions


@dataclass(frozen=True)
class Moved:
    """A decision that the override moved, the rr of its trade in R, and what the override earned in it.

    `beyond` holds the request's scope dimensions that the override does not use.
    """

    decision: Decision
    beyond: dict[str, str]
    weight: float | None
    parts: dict[str, float]
    rr: float | None
    share: float | None


@dataclass(frozen=True)
class StandingMandate:
    """The mandate on a line that nobody ended; `suspended` says why it does not count now, empty if it does."""

    mandate: Mandate
    suspended: str


def override_page(override: Override, at: datetime) -> dict[str, Any]:
    """Return the template context, under the parameters in force now, whatever version published the override."""
    spec = override.spec
    channel = Weights(at).channel_of(spec)
    weighing = weigh(spec, channel.weights, at)
    earned = AttributionShare.objects.filter(line_id=override.line_id)
    memberships = Membership.objects.filter(line_id=override.line_id).select_related("override")
    return {
        "line": override.line,
        "override": override,
        "channel": channel,
        "is_weighed": channel.combiner is Combiner.PLAN,
        "weighing": weighing,
        "meets_floor_on": _floor_date(weighing, override),
        "waterfall": waterfall(weighing),
        "curve": decay_curve(weighing),
        "tracks": lever_tracks(spec, channel.weights),
        "memberships": memberships.order_by("-from_version"),
        "moved": _moved(override),
        "mandate": mandate_on(override.line_id),
        "earned": earned.aggregate(total=Sum("share"), trades=Count("attribution", distinct=True)),
    }


def mandate_on(line: str) -> StandingMandate | None:
    """Return the mandate that stands on a line; None where the builder may do nothing with it by itself."""
    mandate = Mandate.objects.filter(line=line, revoked_at=None).annotate(n_signers=SIGNERS).first()
    if mandate is None:
        return None
    reasons = suspended([mandate]) if mandate.n_signers < mandate.approvals_needed else {}
    return StandingMandate(mandate, reasons.get(mandate.pk, ""))


def _floor_date(weighing: Weighing, override: Override) -> datetime | None:
    age = weighing.meets_floor_at
    return None if age is None or not weighing.acts_when_fresh else override.updated_at + timedelta(days=age)


def _moved(override: Override) -> list[Moved]:
    line = override.line
    rows = Decision.objects.only("decision_id", "at", "scope", "mode", "reason", "contributions")
    found = [
        (decision, contribution)
        for decision in moved_by_override(rows, override).order_by("-decision_id")[:SHOWN]
        for contribution in decision.contributions
        if contribution["id"] == override.id
    ]
    ids = [decision.decision_id for decision, _ in found]
    shares = _sums(AttributionShare.objects.filter(override_id=override.id, decision_id__in=ids), "share")
    outcomes = dict(DecisionOutcome.objects.filter(decision_id__in=ids).values_list("decision_id", "rr"))
    return [
        Moved(
            decision=decision,
            beyond={name: value for name, value in decision.scope.items() if name not in line.scope},
            weight=contribution["w_total"],
            parts=contribution["parts"],
            rr=outcomes.get(decision.decision_id),
            share=shares.get(decision.decision_id),
        )
        for decision, contribution in found
    ]


def _sums(rows: Any, field: str) -> dict[Any, float]:
    summed: Iterable[tuple[Any, float]] = rows.values_list("decision_id").annotate(Sum(field))
    return dict(summed)
