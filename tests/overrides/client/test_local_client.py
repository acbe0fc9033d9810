"""Local evaluation against a real server: the same answers, and every decision known to it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from overrides.client import Client, LocalClient
from overrides.client.http import Http
from overrides.models import ArmPosition
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import Decision
from tests.api_clients import new_key
from tests.builders import KEY, make_spec, publish, set_mode, wait_until
from tests.telemetry.core.episode_builders import episode_payload

FRESH = {"updated_at": utc_text(datetime.now(UTC) - timedelta(days=3))}
QUESTION = {
    "module": "pm",
    "pattern_key": KEY,
    "action_category": "entry",
    "scope": {"macro_phase": "Good", "bucket": "micro"},
}

Local = Callable[..., LocalClient]


@pytest.fixture
def url(transactional_db: None, live_server: LiveServer) -> Iterator[str]:
    from overrides.serving.clients.client_confirmations import CLIENTS
    from overrides.serving.decisions.decision_queue import QUEUE
    from overrides.serving.engine import ENGINE_ROOM

    yield live_server.url
    ENGINE_ROOM.close()
    CLIENTS.close()
    QUEUE.close()


@pytest.fixture
def local(url: str) -> Iterator[Local]:
    clients: list[LocalClient] = []

    def make(**options: Any) -> LocalClient:
        clients.append(LocalClient(url, new_key("record"), **{"stream": False, "timeout": 10.0, **options}))
        return clients[-1]

    yield make
    for each in clients:
        each.close()


def fill() -> None:
    publish(
        make_spec({"size_mult": 1.1, "entry_aggression_mult": 1.05}, stats=FRESH),
        make_spec({"size_mult": 0.93}, scope={"bucket": "micro"}, stats=FRESH | {"n": 20, "edge_raw": -0.7}),
        make_spec({"entry_delay_bars": 1.0}, type="pm_tuning", stats=FRESH),
        make_spec({"size_mult": 1.2}, scope={"timeframe": "4h"}, stats=FRESH | {"n": 12, "edge_raw": 0.01}),
        make_spec({"trail_mult": 1.4}, type="pm_tuning", action_category="exit", stats=FRESH),
    )


class TestLocalClient:
    def test_answers_as_the_server_does(self, url: str, local: Local) -> None:
        fill()
        set_mode("on", rollout_percent=60.0)
        here, there = local(), Client(url, new_key("record"), 10.0)
        chance = random.Random(5)
        asked = [question(chance) for _ in range(150)]

        ours, theirs = here.resolve(asked), there.resolve(asked)

        assert here.counters["local"] == 150
        for our, their in zip(ours, theirs, strict=True):
            for name, value in their.document.items():
                if name not in ("decision_id", "evaluated_at"):
                    assert our.document[name] == value, name
            assert our.document.keys() == their.document.keys()

    def test_reports_its_decisions_so_that_trades_can_name_them(self, local: Local) -> None:
        fill()
        set_mode("on")
        client = local(name="bot 7")
        answer = client.resolve(QUESTION | {"current": {"size_mult": 1.01}, "at": datetime.now(UTC)})
        now = datetime.now(UTC)

        (receipt,) = client.record(
            {
                "external_id": "t1", "symbol": "BTC/USDT", "rr": 1.0, "opened_at": now.isoformat(),
                "closed_at": now.isoformat(),
                "actions": [
                    {k: QUESTION[k] for k in ("module", "pattern_key", "action_category", "scope")}
                    | {"at": now.isoformat(), "decision_ids": [answer.decision_id]}
                ],
            }
        )  # fmt: skip

        assert receipt.document is not None
        assert [each["status"] for each in receipt.document["decisions"]] == ["fits"]
        row = Decision.objects.get(pk=str(answer.decision_id))
        assert row.request["evaluated_by"] == "bot 7"
        assert (row.version, row.mode, row.reason) == (1, "on", answer.reason)
        assert {name: each["served"] for name, each in row.levers.items()} == dict(answer.levers)
        assert client.counters["decisions sent"] == 1

    def test_asks_the_server_while_a_lever_is_explored_and_is_neutral_without_it(self, local: Local) -> None:
        arm = {"alternative": 2.0, "probability": 0.5, "share_percent": 100, "rr_per_week": 9, "rr_per_position": 0.1}
        fill()
        set_mode("on", arms={"entry_delay_bars": arm})
        client = local(poll_seconds=0.2)
        keys = [f"BTC {number}" for number in range(20)]
        found = client.resolve([QUESTION | {"position_key": key} for key in keys])
        told = {key: each.lever("entry_delay_bars") == 2.0 for key, each in zip(keys, found, strict=True)}

        assert "levers are explored" in str(client.states()["pm"].remote)
        assert set(told.values()) == {True, False}
        assert dict(ArmPosition.objects.values_list("position_key", "is_alternative")) == told
        client._http = Http("http://127.0.0.1:9", "cw_away", 1.0)
        away = client.resolve(QUESTION | {"position_key": "BTC 0"})
        assert (away.reason, away.lever("size_mult"), away.is_neutral) == ("ERROR", 1.0, True)

    def test_records_episodes_as_the_server_keeps_them(self, local: Local) -> None:
        client = local()
        first, again, bad = (
            client.record_episodes(each)[0]
            for each in (episode_payload(), episode_payload(), episode_payload(side="up"))
        )

        assert (first.external_id, first.status, again.status, bad.status) == ("e1", "new", "unchanged", "refused")
        assert bad.errors[0]["field"] == "[0].side"

    def test_is_off_within_five_seconds(self, local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("overrides.serving.engine.POLL_SECONDS", 1.0)  # as in production
        fill()
        set_mode("on")
        client = local()
        assert client.resolve(QUESTION).reason == "COMBINED"

        set_mode("off")

        wait_until(lambda: client.resolve(QUESTION).reason == "MODULE_OFF", "the client is off", 5.0)

    def test_starts_from_the_saved_snapshot(self, local: Local, tmp_path: Path) -> None:
        fill()
        set_mode("on")
        first = local(directory=tmp_path)
        expected = first.resolve(QUESTION)
        first.close()
        second = LocalClient("http://127.0.0.1:9", "cw_key", directory=tmp_path, stream=False)

        found = second.resolve(QUESTION)
        second.close(0.1)

        assert dict(found.levers) == dict(expected.levers)
        assert second.states()["pm"].age_seconds < 15


def question(chance: random.Random) -> dict[str, Any]:
    category = chance.choice(["entry", "add", "exit", "trim"])
    scope: dict[str, Any] = {
        "macro_phase": chance.choice(["Good", "Bad"]),
        "bucket": chance.choice(["micro", " micro "]),
    }
    scope |= chance.choice([{}, {"timeframe": "4h"}, {"venue": True, "rank": 1.0, "x": None, "y": "unknown"}])
    return {
        "module": "pm",
        "pattern_key": chance.choice([KEY, KEY, "a.b.stop"]),
        "action_category": category,
        "scope": scope,
        "at": datetime.now(UTC) - timedelta(hours=chance.randrange(40)),
        "current": chance.choice([{}, {"size_mult": 1.03}, {"size_mult": 1, "trail_mult": 1.5}]),
        "rollout_key": chance.choice(["a", "b", "c", None]),
        "coefficient_product": chance.choice([None, 1.3]),
    }
