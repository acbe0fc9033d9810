"""A data set with one object of every kind that the API shows, made by the verbs of the product."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

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
from tests.telemetry.core.episode_builders import episode_payload

EXTERNAL_ID = "bot-1:BTC/USDT#1"  # with characters that must be escaped in an address


@dataclass(frozen=True)
class World:
    """The identifiers of the objects made."""

    external_id: str
    decision_id: str
    override_id: str
    request_id: int
    scorecard_id: str
    episode_id: str


def make_world() -> World:
    """Make trades with cells and coefficients, a decision with outcome and shares, a version, a lesson, a request."""
    from django.conf import settings

    from learning.coefficients.coefficient_memory import update_coefficients
    from learning.lessons.aggregate import aggregate_dirty
    from overrides.models import Scorecard
    from overrides.monitoring.weekly_reports import keep_report
    from telemetry.decisions.attribute_trades import attribute_trades
    from telemetry.decisions.decision_log import record_decisions
    from telemetry.recording.record_episodes import receive_episodes
    from telemetry.recording.record_trades import record_trades

    decision = make_decision()
    action = action_payload(decision_ids=[str(decision.decision_id)])
    record_decisions([decision])
    record_trades([make_trade(EXTERNAL_ID, actions=[action]), *make_trades([1.0, -0.5] * 10)], now=NOW)
    allocation = action_payload(module="dm", action_category="allocation", scope={"chain": "base"})
    record_trades([make_trade("allocated", actions=[allocation])], now=NOW)
    receive_episodes([episode_payload("bot-1:BTC/USDT#s3")], gates=settings.GATES, now=NOW)
    aggregate_dirty(now=NOW)
    update_coefficients(now=NOW)
    attribute_trades(now=NOW)
    spec = make_spec()
    publish(spec)
    set_mode("on")
    make_lesson()
    keep_report(date(2026, 2, 23), {"week": "2026-W09", "sections": []}, by="somebody", at=NOW)
    request = draft(make_spec({"size_mult": 1.2}))
    card = Scorecard.objects.create(
        id="0" * 63 + "1", group="line", module="pm", name=spec.line, line_id=spec.line, method="plan", lines=1,
        trades=1, decisions=1, judged=0, judged_days=0, earning_days=0, computed_at=NOW,
    )  # fmt: skip
    return World(EXTERNAL_ID, str(decision.decision_id), spec.content_id, request.pk, card.pk, "bot-1:BTC/USDT#s3")
