from __future__ import annotations

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import DecisionRecord, record_decisions
from telemetry.recording.record_trades import record_trades
from tests.api_clients import PROBLEM, client_of
from tests.builders import DAY, KEY, NOW, SCOPE, action_payload, decision_ids, make_decision, make_trade

pytestmark = pytest.mark.django_db

URL = "/api/v1/decisions/"
LEVERS = {"size_mult": {"target": 1.1, "stepped": 1.02, "served": 1.02}}


@pytest.fixture
def api() -> APIClient:
    return client_of("read")


def brief_of(decision: DecisionRecord) -> dict[str, Any]:
    return {
        "decision_id": str(decision.decision_id),
        "module": "pm",
        "pattern_key": KEY,
        "action_category": "entry",
        "scope": SCOPE,
        "at": "2026-02-28T12:00:00Z",
        "version": 1,
        "challenger_version": None,
        "combiner": "pm_strength=plan",
        "mode": "on",
        "reason": "SINGLE",
        "flags": ["STEP_LIMITED"],
        "levers": {"size_mult": 1.02},
    }


class TestList:
    def test_reports_what_was_answered(self, api: APIClient) -> None:
        decision = make_decision(levers=LEVERS, flags=("STEP_LIMITED",))
        record_decisions([decision])

        assert api.get(URL).json()["results"] == [brief_of(decision)]

    @pytest.mark.parametrize(
        ("chosen", "found"),
        [
            ({"module": "dm"}, ["dm"]),
            ({"pattern_key": "rsi.long.dip"}, ["other"]),
            ({"action_category": "add"}, ["other"]),
            ({"version": "2"}, ["other"]),
            ({"mode": "shadow"}, ["other"]),
            ({"reason": "NO_MATCH"}, ["other"]),
            ({"since": NOW - DAY}, ["other"]),
            ({"until": NOW - DAY}, ["usual", "dm"]),
            ({"mode": "off"}, []),
        ],
    )
    def test_leaves_what_a_filter_names(self, api: APIClient, chosen: dict[str, Any], found: list[str]) -> None:
        made = {
            "usual": make_decision(),
            "dm": make_decision(module="dm", pattern_key="dm_pattern.allocation.allocation",
                                action_category="allocation", scope={}),
            "other": make_decision(pattern_key="rsi.long.dip", action_category="add", version=2, mode="shadow",
                                   reason="NO_MATCH", at=NOW - DAY),
        }  # fmt: skip
        record_decisions(list(made.values()))

        results = api.get(URL, chosen).json()["results"]

        assert {row["decision_id"] for row in results} == {str(made[name].decision_id) for name in found}


class TestOne:
    def test_holds_all_that_replays_it(self, api: APIClient) -> None:
        decision = make_decision(levers=LEVERS, flags=("STEP_LIMITED",), request={"rollout_key": "BTC/USDT"}, format=2)
        record_decisions([decision])

        assert api.get(f"{URL}{decision.decision_id}/").json() == brief_of(decision) | {
            "request": {"rollout_key": "BTC/USDT"},
            "lever_detail": LEVERS,
            "contributions": [],
            "excluded": [],
            "challenger": None,
            "effect": dict(decision.effect),
            "multipliers": None,
            "numeric_build": "test",
            "format": 2,
            "latency_us": 50.0,
            "outcomes": [],
            "shares": [],
        }

    def test_reports_its_outcome_and_shares(self, api: APIClient) -> None:
        decision = make_decision()
        record_decisions([decision])
        record_trades([make_trade(actions=[action_payload(decision_ids=decision_ids(decision))])], now=NOW)
        attribute_trades(now=NOW)

        body = api.get(f"{URL}{decision.decision_id}/").json()

        named = {"decision_id": str(decision.decision_id), "external_id": "t1"}
        assert body["outcomes"] == [named | {"action_index": 0, "rr": 1.5, "unattributed": "", "misfit": ""}]
        (share,) = body["shares"]
        assert share == named | {
            "lever": "size_mult",
            "override_id": "o" * 64,
            "line_id": "l",
            "part": pytest.approx(0.01980262729617973),
            "share": pytest.approx(0.03),  # 2 % more size of 1.5 R
        }

    def test_that_nobody_stored_is_answered_404(self, api: APIClient) -> None:
        response = api.get(f"{URL}{uuid.uuid4()}/")

        assert (response.status_code, response["Content-Type"]) == (404, PROBLEM)
        assert "GET /api/v1/decisions/ lists those that are" in response.json()["detail"]
