"""Content of an override's page: weight factors, decay, targets, the versions that contain it, and what it moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from overrides.admin.charts.decay_curve import decay_curve
from overrides.admin.charts.lever_ranges import lever_tracks
from overrides.admin.charts.weight_waterfall import waterfall
from overrides.admin.decisions.decision_search import moved_by_override
from overrides.admin.mandate_display import signers_of, term
from overrides.admin.monitor_display import brief, watched_briefly
from overrides.admin.origins import Origin, as_of, origins_on
from overrides.admin.scorecard_display import card_of_line
from overrides.admin.weight_display import Weights
from overrides.core.engine.definitions.module_parameters import ChannelParameters
from overrides.core.engine.definitions.vocabulary import Combiner
from overrides.core.impact.weight_breakdown import Weighing, weigh
from overrides.models import Line, Mandate, Override
from overrides.versions.load_version import parameters_of
from telemetry.models import AttributionShare, Decision, DecisionConstants, DecisionOutcome
from telemetry.models.traced import TRACE, load_constants

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
    """The mandate on a line that nobody ended, who signs it, and in words how long it lasts.

    `suspended` says why it does not count now, empty if it does.
    """

    mandate: Mandate
    signers: tuple[str, ...]
    term: str
    suspended: str


def override_page(override: Override, at: datetime) -> dict[str, Any]:
    """Return the template context, under the parameters that `_channel` names."""
    spec = override.spec
    origins = origins_on(override.line_id)
    own = [each for each in reversed(origins) if each.override_id == override.pk]
    origin = as_of(own, own[-1].number) if own else None
    channel = _channel(override, origin, at)
    weighing = weigh(spec, channel.weights, at)
    record = _record(override)
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
        "origins": origins,
        "origin": origin,
        "watched": None if record.watched is None else brief(record.watched),
        "moved": _moved(override, record.keys),
        "mandate": mandate_on(override.line_id, at),
        "shown": card_of_line(record),
        "earned": {"total": record.total, "trades": record.trades},
    }


def _channel(override: Override, origin: Origin | None, at: datetime) -> ChannelParameters:
    """Return the parameters that weigh the override: those in force now, whatever version published it.

    Under another learning method than the one in force, as in a trial, they are those of the version that holds it: the
    combiner in force now never asks it.
    """
    current = Weights(at).channel_of(override.spec)
    if origin is None or override.line.policy == current.policy:
        return current
    parameters = parameters_of(origin.module, origin.number)
    return Weights(at, parameters).channel_of(override.spec)


def mandate_on(line: str, at: datetime) -> StandingMandate | None:
    """Return the mandate that stands on a line; None where the builder may do nothing with it by itself."""
    mandate = Mandate.objects.filter(line=line, revoked_at=None).select_related("request").first()
    if mandate is None:
        return None
    signers = signers_of([mandate])[mandate.pk]
    return StandingMandate(mandate, signers.names, term(mandate.review_by - at), signers.suspended)


def _floor_date(weighing: Weighing, override: Override) -> datetime | None:
    age = weighing.meets_floor_at
    return None if age is None or not weighing.acts_when_fresh else override.updated_at + timedelta(days=age)


def _record(override: Override) -> Any:
    """Return the line in one query, with what it earned, in how many trades, its scorecard, and its monitor.

    `keys` are those by which decisions name the override. The sum is None before the first trade.
    """
    earned = AttributionShare.objects.filter(line_id=OuterRef("pk")).order_by().values("line_id")
    constants = DecisionConstants.objects.filter(line_id=override.line_id, override_id=override.pk)
    rows = Line.objects.select_related("scorecard").annotate(
        total=Subquery(earned.values_list(Sum("share"))),
        trades=Coalesce(Subquery(earned.values_list(Count("attribution", distinct=True))), 0),
        keys=ArraySubquery(constants.values("key")),
        watched=watched_briefly(),
    )
    return rows.get(pk=override.line_id)


def _moved(override: Override, keys: list[int]) -> list[Moved]:
    line = override.line
    own = AttributionShare.objects.filter(decision_id=OuterRef("pk"), line_id=line.pk, override_id=override.id)
    rows = Decision.objects.only("decision_id", "at", "scope", "mode", "reason", "contributions", *TRACE).annotate(
        share=Subquery(own.order_by().values("decision_id").values_list(Sum("share"))),
        rr=Subquery(DecisionOutcome.objects.filter(decision_id=OuterRef("pk"), misfit="").values("rr")[:1]),
    )
    newest = list(moved_by_override(rows, override, keys).order_by("-decision_id")[:SHOWN])
    load_constants(newest)
    found: list[tuple[Any, Any]] = [
        (decision, contribution)
        for decision in newest
        for contribution in decision.contributions
        if contribution["id"] == override.id
    ]
    return [
        Moved(
            decision=decision,
            beyond={name: value for name, value in decision.scope.items() if name not in line.scope},
            weight=contribution["w_total"],
            parts=contribution["parts"],
            rr=decision.rr,
            share=decision.share,
        )
        for decision, contribution in found
    ]
