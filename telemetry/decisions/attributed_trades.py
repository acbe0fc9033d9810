"""What closed trades earned through the overrides behind their decisions, from what is stored; nothing is written.

Only levers that scale the outcome get a share. The effect of a decision holds these levers with their parts, and is
empty where neutral was served. The trade's rr stands beside each of its decisions in either case (docs/method.md 11).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
from telemetry.core.vocabulary import SALES, ActionCategory, Module
from telemetry.decisions.named_facts import Acting, Closed, Deciding, closed_trades, decisions_named
from telemetry.decisions.retirement import retired_among
from telemetry.recording.named_decisions import NamedDecisions, Naming

SEPARATOR = "|"
CUT_BY_CAP = "size_mult"  # the lever of pm that the cap cuts
NEUTRAL = "neutral was served, or no lever scales this outcome"
LATER = "a later decision of the same action was used"
SUPERSEDED = "a trade of another book that tells the same position counts instead"
ABSURD = "the applied values are too far from those served"
LEG = "the add does not say its fraction and leg_rr"

Unfit = tuple[Misfit, str]  # why an action may not name a decision, and the same in words
Place = tuple[str, int, str]  # a trade, the index of one of its actions, and a decision that the action names


class Part(NamedTuple):
    """What a share is of: a decision, its lever and an override with its line, and how far it moved the lever."""

    decision_id: str
    lever: str
    override_id: str
    line_id: str
    part: float


class Named(NamedTuple):
    """A decision that an action names, why it has no share, and why the action may not name it; empty: it may."""

    decision_id: str
    action_index: int
    unattributed: str
    misfit: str


@dataclass(frozen=True, slots=True)
class Attributed:
    """What became of a trade: its attribution, the parts by their names in it, and the decisions that it names.

    `used` is the decision used for the action of an index.
    """

    trade: Closed
    attribution: TradeAttribution
    parts: Mapping[str, Part]
    named: Sequence[Named]
    used: Mapping[int, str]

    @property
    def sums(self) -> Sums:
        """The shares, and what they add up to."""
        return self.attribution.attribution


@dataclass(frozen=True, slots=True)
class Batch:
    """Closed trades with the decisions that they name; which of these namings fit, and which do not and why."""

    trades: Sequence[Closed]
    decisions: Mapping[str, Deciding]
    misfits: Mapping[Place, Unfit]
    fitting: Collection[Naming]
    unfit: Collection[Naming]

    def attributed(self) -> Iterator[Attributed]:
        """Yield what becomes of each trade, one after another, so that the first can be stored meanwhile."""
        return (_attributed(trade, self.decisions, self.misfits) for trade in self.trades)

    def scopes_asked(self, found: Iterable[Attributed]) -> dict[tuple[str, int], Mapping[str, str]]:
        """Return the scopes that were asked of the actions of attributed trades that were sent with another one."""
        return {
            (each.trade.id, action.action_index): self.decisions[each.used[action.action_index]].scope
            for each in found
            for action in each.trade.actions
            if action.action_index in each.used and self.decisions[each.used[action.action_index]].scope != action.scope
        }


def batch_of(ids: Collection[object]) -> Batch:
    """Return the current trades of these ids with the decisions that their actions name."""
    trades = closed_trades(ids)
    decisions, known = decisions_named({key for each in trades for action in each.actions for key in action.decisions})
    return Batch(trades, decisions, *_misfits(trades, known))


def _misfits(trades: Sequence[Closed], known: NamedDecisions) -> tuple[dict[Place, Unfit], set[Naming], set[Naming]]:
    """Return why actions may not name decisions, which namings fit, and which do not whatever other trades name.

    A superseded trade claims no decision, and none is denied to it because it counts for another trade.
    """
    named = [(trade, action, key) for trade in trades for action in trade.actions for key in action.decisions]
    retired = retired_among({key for _, _, key in named} - known.asked.keys())
    misfits: dict[Place, Unfit] = {}
    fitting: set[Naming] = set()
    unfit: set[Naming] = set()
    for trade, action, key in named:
        acted = Acted(action.module, action.pattern_key, action.category, action.at, trade.book)
        misfit = known.misfit(key, trade.external_id, acted)
        if misfit is None:
            if not trade.is_superseded:
                fitting.add((key, trade.external_id))
            continue
        if misfit is not Misfit.TAKEN:
            unfit.add((key, trade.external_id))
        if misfit is not Misfit.TAKEN or not trade.is_superseded:
            misfits[trade.id, action.action_index, key] = misfit, retired.get(key, REASONS[misfit])
    return misfits, fitting, unfit


def _attributed(trade: Closed, decisions: Mapping[str, Deciding], misfits: Mapping[Place, Unfit]) -> Attributed:
    """Attribute a trade to the last fitting decision of each of its actions."""
    whole: list[ScalingLever] = []
    legs: list[Leg] = []
    parts: dict[str, Part] = {}
    named: list[Named] = []
    used: dict[int, str] = {}
    for action in trade.actions:
        last = next((i for i in reversed(action.decisions) if (trade.id, action.action_index, i) not in misfits), None)
        levers: list[ScalingLever] = []
        if last is not None:
            used[action.action_index] = last
            if not trade.is_superseded and action.category not in SALES:  # what is sold is no larger for its levers
                levers = _levers(last, decisions[last], action.applied, parts)
        for key in action.decisions:
            misfit, why = misfits.get((trade.id, action.action_index, key), ("", ""))
            named.append(
                Named(key, action.action_index, why or _reason(trade, action, levers, is_used=key == last), misfit)
            )
        if action.category == ActionCategory.ADD:
            legs.append(Leg(str(action.action_index), levers, action.fraction, action.leg_rr))
        else:
            whole += levers
    attribution = attribute_soundly(whole, trade.rr, legs)
    if attribution is None:
        attribution = attribute_trade([], trade.rr)
        named = [each._replace(unattributed=each.unattributed or ABSURD) for each in named]
    return Attributed(trade, attribution, parts, named, used)


def _reason(trade: Closed, action: Acting, levers: Sequence[ScalingLever], *, is_used: bool) -> str:
    """Return why a decision that fits has no share; empty if it has."""
    if not is_used:
        return LATER
    if trade.is_superseded:
        return SUPERSEDED
    if not levers:
        return NEUTRAL
    lacks_leg = action.fraction is None or action.leg_rr is None
    return LEG if lacks_leg and action.category == ActionCategory.ADD else ""


def _levers(
    decision_id: str, decision: Deciding, applied: Mapping[str, float], parts: dict[str, Part]
) -> list[ScalingLever]:
    """Return the scaling levers of a decision as they were applied, and add their parts to `parts`."""
    levers = {}
    for lever, effect in decision.effect.items():
        lines = effect.get("lines", {})
        named = {}
        for override_id, part in effect["parts"].items():
            name = f"{decision_id}{SEPARATOR}{lever}{SEPARATOR}{override_id}"
            named[name] = part
            parts[name] = Part(decision_id, lever, override_id, lines.get(override_id, ""), part)
        levers[lever] = ScalingLever(effect["m0"], effect["m"], named)
    if not applied:
        return list(levers.values())
    return as_applied(levers, applied, capped=CUT_BY_CAP if decision.module == Module.PM else None)
