"""Content of a decision's page: how each lever came to its value, which overrides contributed, and what it earned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any
from uuid import UUID

from django.db.models import Sum
from django.utils.safestring import SafeString

from overrides.admin.charts.lever_waterfall import Moves, moves
from overrides.admin.coefficient_display import multipliers_page
from overrides.admin.decisions.decision_rows import link_to, name_of
from overrides.admin.origins import as_of, origin_of_coefficients, origins_of
from overrides.core.engine.attribution_parts import PRIOR
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.vocabulary import Blend
from overrides.core.engine.position_scaling import CAP, COEFFICIENTS
from overrides.core.engine.weights import FACTORS, SYMBOLS
from overrides.core.monitoring.replaying.lever_path import Movement, movements
from overrides.models import Line, Version
from overrides.monitoring.replaying.replay_arms import arms_drawn
from overrides.serving.clients.local_decisions import EVALUATED_BY
from overrides.serving.decisions.decision_record import HOLDBACK
from telemetry.decisions.earnings import Earned
from telemetry.foundation.core.identifiers import uuid7_time
from telemetry.models import AttributionShare, Decision, DecisionOutcome

DECIMALS = 6  # of the values of levers


@dataclass(frozen=True)
class PartRow:
    """The part of one override in one lever; `running` is the sum of the parts up to and including this one."""

    link: SafeString
    weight: float | None
    part: float
    running: float
    share: float | None


@dataclass(frozen=True)
class LeverPanel:
    """One moved lever: `sum_of_parts` and the cuts add up to `movement.total`.

    `others` earned a share without a part.
    """

    movement: Movement
    is_log: bool
    served: float
    current: float
    challenger: float | None
    flags: Sequence[str]
    picture: Moves
    rows: Sequence[PartRow]
    sum_of_parts: float
    others: Sequence[tuple[str, float]]

    @property
    def is_otherwise(self) -> bool:
        """Whether another value was served than the one computed, in the decimals that the page shows."""
        return round(self.served, DECIMALS) != round(self.movement.value, DECIMALS)


def decision_page(decision: Decision) -> dict[str, Any]:
    """Return the template context."""
    lines = {each["id"]: each["line"] for each in (*decision.contributions, *decision.excluded)}
    known = Line.objects.in_bulk(list(set(lines.values())))
    about = {override: known.get(line) for override, line in lines.items()}
    links = {override: link_to(override, line) for override, line in about.items()}
    names = {override: name_of(override, line) for override, line in about.items()}
    outcomes = list(DecisionOutcome.objects.filter(decision_id=decision.pk).select_related("trade"))
    shares = _shares(decision, [each.trade_id for each in outcomes])
    version = decision.version or 0
    explored = arms_drawn(decision)
    origins = {override: as_of(found, version) for override, found in origins_of(lines).items()}
    return {
        "decision": decision,
        "given_at": uuid7_time(decision.pk),
        "local_client": decision.request.get(EVALUATED_BY),
        "holdback": decision.request.get(HOLDBACK),
        "explored": explored,
        "alternatives": {lever for lever, each in explored.items() if each.is_alternative},
        "version_of": Version.objects.filter(module=decision.module, number=version).select_related("request").first(),
        "coefficients_of": origin_of_coefficients(decision.module, version) if decision.multipliers else None,
        "panels": list(_panels(decision, names, links, shares)),
        "still": [name for name, each in decision.levers.items() if "target" not in each and _is_neutral(name, each)],
        **multipliers_page(decision),
        "factors": FACTORS,
        "contributions": [
            (links[each["id"]], each, [each.get(symbol) for symbol in SYMBOLS], origins.get(each["id"]))
            for each in decision.contributions
        ],
        "excluded": [(links[each["id"]], each, origins.get(each["id"])) for each in decision.excluded],
        "outcomes": outcomes,
        "multiplier_shares": {name: _sum(shares.get(name, {})) for name in (COEFFICIENTS, CAP)},
        "earned": _earned(shares),
    }


def _panels(
    decision: Decision,
    names: Mapping[str, str],
    links: Mapping[str, SafeString],
    shares: Mapping[str, dict[str, float]],
) -> Iterator[LeverPanel]:
    weights = {each["id"]: each.get("w_total") for each in decision.contributions}
    would = decision.challenger["levers"] if decision.challenger else {}
    for name, movement in movements(decision.levers, decision.contributions).items():
        detail, earned = decision.levers[name], shares.get(name, {})
        running = list(accumulate(movement.parts.values()))
        yield LeverPanel(
            movement=movement,
            is_log=LEVERS[name].blend is Blend.LOG,
            served=detail["served"],
            current=detail["current"],
            challenger=would.get(name, {}).get("served"),
            flags=detail["flags"],
            picture=moves(movement, names),
            rows=[
                PartRow(links[override], weights[override], part, stands, earned.get(override))
                for (override, part), stands in zip(movement.parts.items(), running, strict=True)
            ],
            sum_of_parts=sum(movement.parts.values()),
            others=[(who, share) for who, share in earned.items() if who not in movement.parts],
        )


def _is_neutral(name: str, detail: Mapping[str, Any]) -> bool:
    """Return whether an unmoved lever was served at neutral; the cap may have cut it nevertheless."""
    return detail.get("served") == LEVERS[name].neutral


def _earned(shares: Mapping[str, Mapping[str, float]]) -> Earned | None:
    """Return what overrides, coefficients, cap and the rest earned, from the shares by lever."""
    sums: dict[str, float] = {}
    for lever in shares.values():
        for who, share in lever.items():
            name = who if who in (COEFFICIENTS, CAP) else "rest" if who == PRIOR else "overrides"
            sums[name] = sums.get(name, 0.0) + share
    if not sums:
        return None
    return Earned(sums.get("overrides"), sums.get(COEFFICIENTS), sums.get(CAP), sums.get("rest"), answers=0)


def _shares(decision: Decision, trades: Sequence[UUID]) -> dict[str, dict[str, float]]:
    """Return lever -> override (or prior etc.) -> R earned, over the trades that name the decision."""
    found = AttributionShare.objects.filter(attribution__in=trades, decision_id=decision.pk)
    rows = found.values_list("lever", "override_id")
    shares: dict[str, dict[str, float]] = {}
    for lever, override, share in rows.annotate(Sum("share")):
        shares.setdefault(lever, {})[override] = share
    return shares


def _sum(shares: Mapping[str, float]) -> float | None:
    return sum(shares.values()) if shares else None
