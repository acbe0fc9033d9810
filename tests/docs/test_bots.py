"""The examples of the API in docs/bots.md are what the API takes and answers."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from overrides.client import Client
from overrides.core.engine.definitions.dimensions import LEARNED_DIMENSIONS, RECORDED_DIMENSIONS
from overrides.serving.engine import ENGINE_ROOM
from telemetry.foundation.core.canonical_json import utc_text
from tests.api_clients import RecordingQueue, client_of, new_key
from tests.builders import make_spec, publish, set_mode

IN_PYTHON = (Path(__file__).parents[2] / "docs" / "python_client.md").read_text()
FOR_A_BOT = (Path(__file__).parents[2] / "docs" / "bots.md").read_text()
ELIDED = "019ab…"
DECISION = "019ab000-0000-7000-8000-000000000000"


def exchange(path: str) -> list[Any]:
    """Return the JSON values of the block that shows a request to this path: what is sent, then the answer."""
    (block,) = re.findall(rf"```\nPOST {re.escape(path)}\n(.*?)\n```", FOR_A_BOT, flags=re.DOTALL)
    return [json.loads(part) for part in block.split("\n\n")]


@pytest.mark.django_db
class TestForABot:
    def test_shows_the_answer_that_its_question_gets(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("overrides.serving.decisions.decision_queue.QUEUE", RecordingQueue())
        fresh = {"updated_at": utc_text(datetime.now(UTC))}
        publish(make_spec({"size_mult": 1.1}, scope={"macro_phase": "Good"}, stats=fresh))
        set_mode("on")
        ENGINE_ROOM.refresh()
        path = "/api/v1/levers/resolve/?explain=none"
        question, shown = exchange(path)

        answer = client_of("evaluate").post(path, question, format="json").json()

        assert answer.keys() == shown.keys()
        for name in ("combiner", "mode", "reason", "flags", "levers"):
            assert answer[name] == shown[name]

    def test_shows_a_trade_that_is_recorded(self) -> None:
        (trades,) = exchange("/api/v1/trades/")
        assert trades[0]["actions"][0].pop("decision_ids") == [ELIDED]

        receipts = client_of("record").post("/api/v1/trades/", trades, format="json").json()["results"]

        assert [receipt["errors"] for receipt in receipts] == [[]]
        assert receipts[0]["status"] == "new"

    def test_shows_an_episode_that_is_recorded_as_the_python_client_sends_it(
        self, transactional_db: None, live_server: LiveServer
    ) -> None:
        (episodes,) = exchange("/api/v1/telemetry/episodes/")
        (loop,) = re.findall(r"```python\n(for receipt in client\.record_episodes.*?)\n```", IN_PYTHON, flags=re.DOTALL)
        told: list[Any] = []
        client = Client(live_server.url, new_key("record"), timeout=10.0)

        exec(loop, {"client": client, "episodes": episodes, "print": lambda *each: told.append(each)})

        assert told == [("bot-1:BTC:s3:2026-11-01T08", "new", ())]

    @pytest.mark.parametrize("module", ["pm", "dm"])
    def test_names_the_dimensions(self, module: str) -> None:
        text = " ".join(FOR_A_BOT.split())
        learned, _, rest = text.partition(f"Names that {module} learns from: ")[2].partition("; it also records ")

        assert tuple(re.findall("`([A-Za-z_]+)`", learned)) == LEARNED_DIMENSIONS[module]
        assert tuple(re.findall("`([A-Za-z_]+)`", rest.partition(".")[0])) == RECORDED_DIMENSIONS[module]
