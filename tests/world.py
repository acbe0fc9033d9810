"""One of everything that the API shows, created by the verbs."""

from __future__ import annotations

from dataclasses import dataclass

from tests.builders import (
    NOW,
    action_payload,
    draft,
    make_decision,
    make_lesson,
    make_spec,
    make_trade,
    make_trades,
    publish,
    set_mode,
)

EXTERNAL_ID = "bot-1:BTC/USDT#1"  # contains characters that an address must escape


@dataclass(frozen=True)
class World:
    """The names of what was created."""

    external_id: str
    decision_id: str
    override_id: str
    request_id: int


def make_world() -> World:
    """Create trades with cells and coefficients, a decision with outcome and share, a version, a lesson, a request."""
    from learning.coefficients.coefficient_memory import update_coefficients
    from learning.lessons.aggregate import aggregate_dirty
    from telemetry.decisions.attribute_trades import attribute_trades
    from telemetry.decisions.decision_log import record_decisions
    from telemetry.recording.record_trades import record_trades

    decision = make_decision()
    action = action_payload(decision_ids=[str(decision.decision_id)])
    record_decisions([decision])
    record_trades([make_trade(EXTERNAL_ID, actions=[action]), *make_trades([1.0, -0.5] * 10)], now=NOW)
    allocation = action_payload(module="dm", action_category="allocation", scope={"chain": "base"})
    record_trades([make_trade("allocated", actions=[allocation])], now=NOW)
    aggregate_dirty(now=NOW)
    update_coefficients(now=NOW)
    attribute_trades(now=NOW)
    spec = make_spec()
    publish(spec)
    set_mode("on")
    make_lesson()
    request = draft(make_spec({"size_mult": 1.2}))
    return World(EXTERNAL_ID, str(decision.decision_id), spec.content_id, request.pk)
