"""Answers that were served, and trades that closed on them: what scorecards are computed from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.serving.engine import load_engine
from overrides.serving.resolve import resolve_one
from telemetry.core.trades import parse_trade
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, KEY, NOW, SCOPE, action_payload, make_question, make_spec, trade_payload

PROMISE = {"predicted": 0.2, "sd": 0.1, "mu0": 0.1, "s_p": 1.4}


def promising(predicted: float = 0.2, *, levers: Mapping[str, float] | None = None, **over: Any) -> OverrideSpec:
    """Return an override with the promise that it adds this much to a mean of 0.1 R."""
    return make_spec(levers, promise=PROMISE | {"predicted": predicted}, **over)


def served_trade(
    name: str, rr: float, *, days: int = 1, scope: Mapping[str, str] = SCOPE, category: str = "entry", **about: Any
) -> None:
    """Serve an answer from what is in force, and record a trade that names it and closes `days` after NOW."""
    opened = NOW + days * DAY - timedelta(hours=2)
    place = {"pattern_key": about.pop("pattern_key", KEY), "action_category": category, "scope": dict(scope)}
    place |= {"module": about.pop("module", "pm")}
    question = make_question(at=utc_text(opened), **place)
    record = resolve_one(question, load_engine(question.request.module), now=opened).record
    record_decisions([record])
    action = action_payload(at=utc_text(opened + timedelta(minutes=1)), decision_ids=[str(record.decision_id)], **place)
    close_trade(name, rr, [action], days=days, **about)


def close_trade(name: str, rr: float, actions: Sequence[Mapping[str, Any]], *, days: int = 1, **about: Any) -> None:
    """Record a trade that closes `days` after NOW."""
    closed = NOW + days * DAY
    times = {"opened_at": utc_text(closed - timedelta(hours=2)), "closed_at": utc_text(closed)}
    payload = trade_payload(name, rr=rr, actions=list(actions), **times) | about
    [receipt] = record_trades([parse_trade(payload, now=closed)], now=closed)
    assert not receipt.refusals, receipt


def attribute(days: int = 400) -> None:
    """Attribute what is closed, `days` after NOW."""
    attribute_trades(now=NOW + days * DAY)
