"""The demo's bot: queries levers at the time of each action, and reports a trade once its outcome is known.

A trade is reported when its last result is known: at the close, or at the latest `known_at` of its actions, which
`backtest.closed_trades` states. So nothing is learned before it could have been known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from celery import current_app

from config.demo.exploring import drawn, explored
from config.demo.queue import wait_until
from overrides.core.engine.definitions.arms import ArmDraw
from overrides.serving.decisions.decision_record import ARMS
from overrides.serving.engine import Engine, load_engine
from overrides.serving.resolve import Resolved, resolve_one
from overrides.serving.resolve_request import Question, read_question
from telemetry.core.outcomes import known_at
from telemetry.decisions.decision_log import record_decisions
from telemetry.models import Decision, Trade

BASE_ALLOCATION = 4.0  # per cent of the book, before levers
TRADES_A_MESSAGE = 200
DECISIONS_A_COPY = 2000

ActionKey = tuple[str, str, str]  # external id, module, category: a demo trade has one action of each


@dataclass(frozen=True)
class Plan:
    """One trade that the textbook rules take: its report, and when the report can be sent."""

    payload: dict[str, Any]
    known_at: datetime

    @property
    def external_id(self) -> str:
        return str(self.payload["external_id"])


def plan_of(payload: dict[str, Any]) -> Plan:
    """Return a demo trade with the time at which all of its results are known."""
    closed_at = datetime.fromisoformat(payload["closed_at"])
    stated = [datetime.fromisoformat(each["known_at"]) for each in payload["actions"] if "known_at" in each]
    return Plan(payload, max(known_at(closed_at, each) for each in (None, *stated)))


class Bot:
    """Processes the planned trades in time order; it can be stopped and resumed, as its decisions are stored."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._plans = sorted(plans, key=lambda plan: (plan.known_at, plan.external_id))
        self._reported = set(Trade.objects.values_list("external_id", flat=True))
        self._decisions: dict[ActionKey, str] = {}
        self._drawn: dict[str, ArmDraw] = {}  # external id -> the draw of a position that is explored
        rows = Decision.objects.values_list(
            "request__rollout_key", "module", "action_category", "decision_id", "request__arms"
        )
        for key, module, category, decision, arms in rows.iterator():
            self._note((key, module, category), decision, arms)

    def decide(self, since: datetime, until: datetime) -> int:
        """Query the levers of every action in [since, until) at its own time; return the number of queries."""
        engines = {module: load_engine(module) for module in ("dm", "pm")}
        queries = sorted(self._questions(since, until), key=lambda query: (query[1].request.at, query[0]))
        for start in range(0, len(queries), DECISIONS_A_COPY):
            block = queries[start : start + DECISIONS_A_COPY]
            records = [_answer(question, engines).record for _, question in block]
            record_decisions(records)
            for (action_key, _), record in zip(block, records, strict=True):
                self._note(action_key, record.decision_id, record.request.get(ARMS))
        return len(queries)

    def report(self, until: datetime) -> int:
        """Report every trade known by `until` through the queue, with its decisions; return their number."""
        due = [p for p in self._plans if p.known_at <= until and p.external_id not in self._reported]
        for start in range(0, len(due), TRADES_A_MESSAGE):
            trades = [self._with_decisions(plan) for plan in due[start : start + TRADES_A_MESSAGE]]
            current_app.send_task("telemetry.record", kwargs={"trades": trades, "now": until.isoformat()})
        self._reported.update(plan.external_id for plan in due)
        wait_until(lambda: Trade.objects.filter(is_current=True).count() >= len(self._reported), "recording")
        return len(due)

    def _note(self, key: ActionKey, decision: UUID, arms: Mapping[str, Any] | None) -> None:
        self._decisions[key] = str(decision)
        if (draw := drawn(arms)) is not None:
            self._drawn[key[0]] = draw

    def _questions(self, since: datetime, until: datetime) -> Iterable[tuple[ActionKey, Question]]:
        for plan in self._plans:
            for action in plan.payload["actions"]:
                key = (plan.external_id, action["module"], action["action_category"])
                if since <= datetime.fromisoformat(action["at"]) < until and key not in self._decisions:
                    yield key, _question(plan, action)

    def _with_decisions(self, plan: Plan) -> dict[str, Any]:
        actions = []
        for action in plan.payload["actions"]:
            decision = self._decisions.get((plan.external_id, action["module"], action["action_category"]))
            actions.append(action if decision is None else action | {"decision_ids": [decision]})
        payload, draw = plan.payload | {"actions": actions}, self._drawn.get(plan.external_id)
        return payload if draw is None else explored(payload, draw)


def _question(plan: Plan, action: dict[str, Any]) -> Question:
    query = {name: action[name] for name in ("module", "pattern_key", "action_category", "scope", "at")}
    if action["module"] == "dm":
        query["base_allocation"] = BASE_ALLOCATION
    query["rollout_key"] = query["position_key"] = plan.external_id
    return read_question(query, now=datetime.fromisoformat(action["at"]))


def _answer(question: Question, engines: dict[str, Engine]) -> Resolved:
    """Answer a question as at its own time, which its decision's id carries too."""
    at = question.request.at
    return resolve_one(question, engines[question.request.module], now=at, may_draw=True)
