from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from telemetry.recording.record_trades import record_trades
from tests.api_clients import client_of
from tests.builders import DAY, KEY, NOW, SCOPE, action_payload, make_correction, make_trade

pytestmark = pytest.mark.django_db

URL = "/api/v1/outcomes/"


@pytest.fixture
def api() -> APIClient:
    return client_of("read")


def named(response: Any) -> list[tuple[str, int]]:
    return [(row["external_id"], row["action_index"]) for row in response.json()["results"]]


class TestOutcome:
    def test_reports_what_an_action_is_judged_by(self, api: APIClient) -> None:
        record_trades([make_trade(cluster_id="c1")], now=NOW)

        assert api.get(URL).json()["results"] == [
            {
                "external_id": "t1",
                "action_index": 0,
                "module": "pm",
                "pattern_key": KEY,
                "action_category": "entry",
                "book": "paper",
                "cluster_id": "c1",
                "scope": SCOPE,
                "rr": 1.5,
                "closed_at": "2026-03-01T12:00:00Z",
                "known_at": "2026-03-01T12:00:00Z",
            }
        ]

    def test_of_a_trim_is_what_followed_it(self, api: APIClient) -> None:
        trim = action_payload(action_category="trim", fraction=0.5, rr_after=0.4)
        record_trades([make_trade(actions=[action_payload(), trim])], now=NOW)

        rrs = {row["action_category"]: row["rr"] for row in api.get(URL).json()["results"]}

        assert rrs == {"entry": 1.5, "trim": -0.4}

    def test_is_of_the_current_revision(self, api: APIClient) -> None:
        record_trades([make_trade(), make_correction(rr=1.25)], now=NOW)

        assert [row["rr"] for row in api.get(URL).json()["results"]] == [1.25]

    def test_is_not_of_a_trade_kept_out_of_learning(self, api: APIClient) -> None:
        record_trades([make_trade(excluded_reason="an outage")], now=NOW)

        assert named(api.get(URL)) == []


class TestFilter:
    @pytest.mark.parametrize(
        ("chosen", "found"),
        [
            ({"module": "dm"}, [("dm", 0)]),
            ({"pattern_key": "rsi.long.dip"}, [("mixed", 1)]),
            ({"action_category": "entry"}, [("mixed", 0), ("early", 0)]),
            ({"book": "live"}, [("early", 0)]),
            ({"since": NOW - DAY}, [("mixed", 1), ("mixed", 0), ("dm", 0)]),
            ({"until": NOW - DAY}, [("early", 0)]),
        ],
    )
    def test_leaves_what_it_names(self, api: APIClient, chosen: dict[str, Any], found: list[tuple[str, int]]) -> None:
        allocation = {"module": "dm", "action_category": "allocation", "scope": {}}
        other = action_payload(action_category="add", pattern_key="rsi.long.dip", fraction=0.5)
        times = {"opened_at": (NOW - 3 * DAY).isoformat(), "closed_at": (NOW - 2 * DAY).isoformat()}
        early = action_payload(at=times["opened_at"])
        record_trades([make_trade("early", book="live", actions=[early], **times)], now=NOW)
        dm = action_payload(pattern_key="dm_pattern.allocation.allocation", **allocation)
        record_trades([make_trade("dm", actions=[dm])], now=NOW)
        record_trades([make_trade("mixed", actions=[action_payload(), other])], now=NOW)

        assert named(api.get(URL, chosen)) == found
