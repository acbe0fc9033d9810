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

from telemetry.core.attribution import Leg, ScalingLever, TradeAttribution, attribute_trade
from telemetry.foundation.bulk_copy import copy_rows
from telemetry.models import Action, Attribution, AttributionShare, Decision, DecisionOutcome, PendingAttribution, Trade

MAX_WAIT = timedelta(hours=1)
SEPARATOR = "|"
NO_DECISION = "no such decision was recorded"
NEUTRAL = "neutral was served, or no lever scales this outcome"
LATER = "a later decision of the same action was used"
LEG = "the add does not say its fraction and leg_rr"

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


def attribute_trades(*, now: datetime, limit: int = 5000) -> int:
    """Attribute up to `limit` pending trades and return how many were attributed.

    A trade whose decisions are not stored yet stays pending for up to an hour; it does not hold up other trades.
    """
    with transaction.atomic():
        trades = _take(limit, now)
        actions = _actions(trades)
        decisions = Decision.objects.in_bulk({i for each in actions.values() for a in each for i in a.decision_ids})
        _write([(trade, *_attributed(trade, actions[trade.id], decisions)) for trade in trades], now)
        PendingAttribution.objects.filter(trade__in=trades).delete()
    return len(trades)


def _take(limit: int, now: datetime) -> list[Trade]:
    """Lock and return up to `limit` due trades, longest waiting first; rows locked by other workers are skipped."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, [now - MAX_WAIT, limit])
        ids = [row[0] for row in cursor.fetchall()]
    return list(Trade.objects.filter(id__in=ids))


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
    trade: Trade, actions: Sequence[Action], decisions: Mapping[UUID, Decision]
) -> tuple[TradeAttribution, dict[str, tuple[Part, str, float]], list[DecisionOutcome]]:
    """Return the trade's attribution, its parts by name (with line id and part), and its decision outcomes."""
    whole: list[ScalingLever] = []
    legs: list[Leg] = []
    parts: dict[str, tuple[Part, str, float]] = {}
    outcomes = []
    for action in actions:
        levers: list[ScalingLever] = []
        last = next((i for i in reversed(action.decision_ids) if i in decisions), None)
        for decision_id in action.decision_ids:
            used = decisions[decision_id] if decision_id == last else None
            mine = _levers(used, parts) if used is not None else []
            levers += mine
            outcomes.append(
                _outcome(trade, action, decision_id, decision_id in decisions, used is not None, bool(mine))
            )
        if action.action_category == "add":
            legs.append(Leg(str(action.index), levers, action.fraction, action.leg_rr))
        else:
            whole += levers
    return attribute_trade(whole, _rr(trade), legs), parts, outcomes


def _levers(decision: Decision, parts: dict[str, tuple[Part, str, float]]) -> list[ScalingLever]:
    levers = []
    for lever, effect in decision.effect.items():
        named = {}
        for override_id, part in effect["parts"].items():
            where = Part(decision.decision_id, lever, override_id)
            named[where.name] = part
            parts[where.name] = (where, effect.get("lines", {}).get(override_id, ""), part)
        levers.append(ScalingLever(m0=effect["m0"], m=effect["m"], parts=named))
    return levers


def _outcome(
    trade: Trade, action: Action, decision_id: UUID, is_known: bool, is_used: bool, has_levers: bool
) -> DecisionOutcome:
    lacks_leg = action.action_category == "add" and (action.fraction is None or action.leg_rr is None)
    why = NO_DECISION if not is_known else LATER if not is_used else NEUTRAL if not has_levers else ""
    return DecisionOutcome(
        decision_id=decision_id,
        trade=trade,
        action_index=action.index,
        rr=_rr(trade),
        unattributed=why or (LEG if lacks_leg else ""),
    )


def _write(
    attributed: Sequence[tuple[Trade, TradeAttribution, Mapping[str, tuple[Part, str, float]], list[DecisionOutcome]]],
    now: datetime,
) -> None:
    copy_rows(
        Attribution,
        ("trade_id", "rr", "total", "carried", "residual", "attributed_at"),
        (
            (trade.id, trade.rr, whole.attribution.total, whole.attribution.carried, whole.attribution.residual, now)
            for trade, whole, _, _ in attributed
        ),
    )
    copy_rows(
        AttributionShare,
        ("attribution_id", "decision_id", "lever", "override_id", "line_id", "part", "share"),
        (
            (trade.id, where.decision_id, where.lever, where.override_id, line, part, whole.attribution.shares[name])
            for trade, whole, parts, _ in attributed
            for name, (where, line, part) in parts.items()
            if name in whole.attribution.shares
        ),
    )
    copy_rows(
        DecisionOutcome,
        ("decision_id", "trade_id", "action_index", "rr", "unattributed"),
        (
            (outcome.decision_id, outcome.trade_id, outcome.action_index, outcome.rr, outcome.unattributed)
            for _, _, _, outcomes in attributed
            for outcome in outcomes
        ),
    )
