"""Attribute the rr of closed trades to the overrides behind their decisions (docs/method.md 11).

Only levers that scale the outcome get a share. `Decision.effect` holds these levers with their parts, and is empty
where neutral was served. The trade's rr is stored for each of its decisions in either case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

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
from telemetry.foundation.bulk_copy import copy_rows
from telemetry.models import Action, Attribution, AttributionShare, Decision, DecisionOutcome, PendingAttribution, Trade
from telemetry.models.traced import load_constants
from telemetry.recording.named_decisions import Naming, claim, named_decisions, release
from telemetry.recording.outcome_scopes import learn_in_scopes

MAX_WAIT = timedelta(hours=1)
SEPARATOR = "|"
CUT_BY_CAP = "size_mult"  # the lever of pm that the cap cuts
NEUTRAL = "neutral was served, or no lever scales this outcome"
LATER = "a later decision of the same action was used"
SUPERSEDED = "a trade of another book that tells the same position counts instead"
ABSURD = "the applied values are too far from those served"
LEG = "the add does not say its fraction and leg_rr"
OUTCOME_COLUMNS = ("decision_id", "trade_id", "action_index", "rr", "unattributed", "misfit")

Place = tuple[UUID, int, UUID]  # a trade, the index of one of its actions, and a decision that the action names

# A trade is due when all the decisions it names are stored, or when it has waited for them for MAX_WAIT.
DUE = """
SELECT trade_id FROM telemetry_pendingattribution AS pending
WHERE marked_at < %s OR NOT EXISTS (
    SELECT FROM telemetry_action AS action, unnest(action.decision_ids) AS named
    WHERE action.trade_id = pending.trade_id
    AND NOT EXISTS (SELECT FROM telemetry_decision WHERE decision_id = named)
)
ORDER BY marked_at, trade_id LIMIT %s
FOR UPDATE OF pending SKIP LOCKED
"""


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


def attribute_trades(*, now: datetime, limit: int = 5000) -> int:
    """Attribute up to `limit` pending trades and return how many were attributed.

    A trade whose decisions are not stored yet stays pending for up to an hour; it does not hold up other trades. Only
    decisions that fit the action that names them earn anything, each for one trade; the action is then learned from in
    the scope that was asked.
    """
    with transaction.atomic():
        ids = _take(limit, now)
        trades = list(Trade.objects.filter(id__in=ids, is_current=True))
        actions = _actions(trades)
        misfits = _misfits(trades, actions, now)
        decisions = Decision.objects.in_bulk({i for each in actions.values() for a in each for i in a.decision_ids})
        load_constants(decisions.values())
        attributed = [_attributed(trade, actions[trade.id], decisions, misfits) for trade in trades]
        _write(attributed, now)
        learn_in_scopes(_scopes_asked(attributed, actions, decisions), now=now)
        PendingAttribution.objects.filter(trade__in=ids).delete()
    return len(trades)


def _misfits(trades: Sequence[Trade], actions: Mapping[UUID, Sequence[Action]], now: datetime) -> dict[Place, Misfit]:
    """Return why actions may not name decisions; those that may are credited with them, the others never are."""
    named = [(trade, action, key) for trade in trades for action in actions[trade.id] for key in action.decision_ids]
    known = named_decisions({key for _, _, key in named})
    found: dict[Place, Misfit] = {}
    fitting: dict[Place, Naming] = {}
    unfit: set[Naming] = set()
    for trade, action, key in named:
        place = trade.id, action.index, key
        acted = Acted(action.module, action.pattern_key, action.action_category, action.at, trade.book)
        misfit = known.misfit(key, trade.external_id, acted)
        if misfit is None:
            fitting[place] = key, trade.external_id
        else:
            found[place] = misfit
            unfit.add((key, trade.external_id))
    lost = claim(fitting.values())
    release(unfit, now=now)
    return found | {place: Misfit.TAKEN for place, naming in fitting.items() if naming in lost}


def _take(limit: int, now: datetime) -> list[UUID]:
    """Lock up to `limit` due trades, longest waiting first; rows locked by other workers are skipped."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, [now - MAX_WAIT, limit])
        return [row[0] for row in cursor.fetchall()]


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
    trade: Trade, actions: Sequence[Action], decisions: Mapping[UUID, Decision], misfits: Mapping[Place, Misfit]
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


def _outcome(trade: Trade, action: Action, decision_id: UUID, misfit: Misfit | None, why: str) -> DecisionOutcome:
    lacks_leg = action.action_category == ActionCategory.ADD and (action.fraction is None or action.leg_rr is None)
    why = REASONS[misfit] if misfit else why
    return DecisionOutcome(
        decision_id=decision_id,
        trade=trade,
        action_index=action.index,
        rr=_rr(trade),
        unattributed=why or (LEG if lacks_leg else ""),
        misfit=misfit or "",
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


def _write(attributed: Sequence[Attributed], now: datetime) -> None:
    copy_rows(
        Attribution,
        ("trade_id", "rr", "total", "carried", "residual", "attributed_at"),
        (
            (each.trade.id, each.trade.rr, each.sums.total, each.sums.carried, each.sums.residual, now)
            for each in attributed
        ),
    )
    copy_rows(
        AttributionShare,
        ("attribution_id", "decision_id", "lever", "override_id", "line_id", "part", "share"),
        (
            (each.trade.id, where.decision_id, where.lever, where.override_id, line, part, each.sums.shares[name])
            for each in attributed
            for name, (where, line, part) in each.parts.items()
            if name in each.sums.shares
        ),
    )
    copy_rows(
        DecisionOutcome,
        OUTCOME_COLUMNS,
        (tuple(getattr(row, name) for name in OUTCOME_COLUMNS) for each in attributed for row in each.outcomes),
    )
