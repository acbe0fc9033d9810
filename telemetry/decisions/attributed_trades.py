"""What closed trades earned through the overrides behind their decisions, from what is stored; nothing is written.

Only levers that scale the outcome get a share. `Decision.effect` holds these levers with their parts, and is empty
where neutral was served. The trade's rr stands beside each of its decisions in either case (docs/method.md 11).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from telemetry.core.attribution import Attribution as Sums
from telemetry.core.attribution import (
    Leg,
    ScalingLever,
    TradeAttribution,
    as_applied,
    attribute_soundly,
    attribute_trade,
)
from telemetry.core.decision_fit import REASONS, Acted, Misfit
from telemetry.core.vocabulary import ActionCategory, Module
from telemetry.decisions.retirement import retired_among
from telemetry.models import Action, Decision, DecisionOutcome, Trade
from telemetry.models.traced import load_constants
from telemetry.recording.named_decisions import Naming, named_decisions

SEPARATOR = "|"
CUT_BY_CAP = "size_mult"  # the lever of pm that the cap cuts
NEUTRAL = "neutral was served, or no lever scales this outcome"
LATER = "a later decision of the same action was used"
SUPERSEDED = "a trade of another book that tells the same position counts instead"
ABSURD = "the applied values are too far from those served"
LEG = "the add does not say its fraction and leg_rr"

Unfit = tuple[Misfit, str]  # why an action may not name a decision, and the same in words
Place = tuple[UUID, int, UUID]  # a trade, the index of one of its actions, and a decision that the action names


@dataclass(frozen=True)
class Part:
    """Identifies a share by decision, lever and override; `name` is its key in the pure arithmetic."""

    decision_id: UUID
    lever: str
    override_id: str

    @property
    def name(self) -> str:
        return SEPARATOR.join((str(self.decision_id), self.lever, self.override_id))


@dataclass(frozen=True)
class Attributed:
    """What became of a trade: its attribution, and the outcomes of the decisions that it names.

    `parts` holds, by name, each part with its line id and value; `used` the decision used for the action of an index.
    """

    trade: Trade
    attribution: TradeAttribution
    parts: Mapping[str, tuple[Part, str, float]]
    outcomes: Sequence[DecisionOutcome]
    used: Mapping[int, UUID]

    @property
    def sums(self) -> Sums:
        """The shares, and what they add up to."""
        return self.attribution.attribution


@dataclass(frozen=True)
class Batch:
    """Attributed trades, and which decisions their actions may name and may not."""

    trades: Sequence[Attributed]
    scopes: Mapping[tuple[UUID, int], Mapping[str, str]]  # that were asked of actions sent with another one
    fitting: Collection[Naming]
    unfit: Collection[Naming]


def attributed(ids: Collection[UUID]) -> Batch:
    """Attribute the current trades of these ids to the decisions that fit the actions which name them."""
    trades = list(Trade.objects.filter(id__in=ids, is_current=True).order_by("id"))
    actions = _actions(trades)
    misfits, fitting, unfit = _misfits(trades, actions)
    decisions = Decision.objects.in_bulk({i for each in actions.values() for a in each for i in a.decision_ids})
    load_constants(decisions.values())
    found = [_attributed(trade, actions[trade.id], decisions, misfits) for trade in trades]
    return Batch(found, _scopes_asked(found, actions, decisions), fitting, unfit)


def _misfits(
    trades: Sequence[Trade], actions: Mapping[UUID, Sequence[Action]]
) -> tuple[dict[Place, Unfit], set[Naming], set[Naming]]:
    """Return why actions may not name decisions, which namings fit, and which do not whatever other trades name.

    A superseded trade claims no decision, and none is denied to it because it counts for another trade.
    """
    named = [(trade, action, key) for trade in trades for action in actions[trade.id] for key in action.decision_ids]
    keys = {key for _, _, key in named}
    known = named_decisions(keys)
    retired = retired_among(keys - known.asked.keys())
    misfits: dict[Place, Unfit] = {}
    fitting: set[Naming] = set()
    unfit: set[Naming] = set()
    for trade, action, key in named:
        naming = key, trade.external_id
        acted = Acted(action.module, action.pattern_key, action.action_category, action.at, trade.book)
        misfit = known.misfit(key, trade.external_id, acted)
        if misfit is None:
            fitting |= set() if trade.superseded_by else {naming}
        elif misfit is not Misfit.TAKEN:
            unfit.add(naming)
        if misfit is not None and not (trade.superseded_by and misfit is Misfit.TAKEN):
            misfits[trade.id, action.index, key] = misfit, retired.get(key, REASONS[misfit])
    return misfits, fitting, unfit


def _rr(trade: Trade) -> float:
    """Return the rr of a trade that waits for attribution, which only trades with an rr do."""
    if trade.rr is None:
        raise ValueError(f"{trade} has no rr to attribute")
    return trade.rr


def _actions(trades: Iterable[Trade]) -> dict[UUID, list[Action]]:
    actions: dict[UUID, list[Action]] = {trade.id: [] for trade in trades}
    for action in Action.objects.filter(trade_id__in=list(actions)).order_by("trade_id", "index"):
        actions[action.trade_id].append(action)
    return actions


def _attributed(
    trade: Trade, actions: Sequence[Action], decisions: Mapping[UUID, Decision], misfits: Mapping[Place, Unfit]
) -> Attributed:
    """Attribute a trade to the last fitting decision of each of its actions."""
    whole: list[ScalingLever] = []
    legs: list[Leg] = []
    parts: dict[str, tuple[Part, str, float]] = {}
    outcomes = []
    used: dict[int, UUID] = {}
    for action in actions:
        last = next((i for i in reversed(action.decision_ids) if (trade.id, action.index, i) not in misfits), None)
        levers = [] if last is None or trade.superseded_by else _levers(decisions[last], action.applied or {}, parts)
        if last is not None:
            used[action.index] = last
        for key in action.decision_ids:
            misfit = misfits.get((trade.id, action.index, key))
            why = LATER if key != last else SUPERSEDED if trade.superseded_by else "" if levers else NEUTRAL
            outcomes.append(_outcome(trade, action, key, misfit, why))
        if action.action_category == ActionCategory.ADD:
            legs.append(Leg(str(action.index), levers, action.fraction, action.leg_rr))
        else:
            whole += levers
    attribution = attribute_soundly(whole, _rr(trade), legs)
    if attribution is None:
        attribution = attribute_trade([], _rr(trade))
        for outcome in outcomes:
            outcome.unattributed = outcome.unattributed or ABSURD
    return Attributed(trade, attribution, parts, outcomes, used)


def _levers(
    decision: Decision, applied: Mapping[str, float], parts: dict[str, tuple[Part, str, float]]
) -> list[ScalingLever]:
    """Return the scaling levers of a decision as they were applied, and add their parts to `parts`."""
    levers = {}
    for lever, effect in decision.effect.items():
        named = {}
        for override_id, part in effect["parts"].items():
            where = Part(decision.decision_id, lever, override_id)
            named[where.name] = part
            parts[where.name] = (where, effect.get("lines", {}).get(override_id, ""), part)
        levers[lever] = ScalingLever(m0=effect["m0"], m=effect["m"], parts=named)
    return as_applied(levers, applied, capped=CUT_BY_CAP if decision.module == Module.PM else None)


def _outcome(trade: Trade, action: Action, decision_id: UUID, misfit: Unfit | None, why: str) -> DecisionOutcome:
    lacks_leg = action.action_category == ActionCategory.ADD and (action.fraction is None or action.leg_rr is None)
    return DecisionOutcome(
        decision_id=decision_id,
        trade=trade,
        action_index=action.index,
        rr=_rr(trade),
        unattributed=misfit[1] if misfit else why or (LEG if lacks_leg else ""),
        misfit=misfit[0] if misfit else "",
    )


def _scopes_asked(
    attributed: Sequence[Attributed], actions: Mapping[UUID, Sequence[Action]], decisions: Mapping[UUID, Decision]
) -> dict[tuple[UUID, int], Mapping[str, str]]:
    """Return the scopes that were asked of the actions that were sent with another one."""
    return {
        (each.trade.id, action.index): decisions[each.used[action.index]].scope
        for each in attributed
        for action in actions[each.trade.id]
        if action.index in each.used and decisions[each.used[action.index]].scope != action.scope
    }
