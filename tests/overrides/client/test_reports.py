from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from overrides.client.decision_ids import decision_id
from overrides.client.http import Failed
from overrides.client.local_engine import Decided
from overrides.client.questions import read_question
from overrides.client.reports import VERSIONS, Reports
from tests.builders import KEY

QUESTION = {"module": "pm", "pattern_key": KEY, "action_category": "entry"}


class Server:
    """Stores what is posted, unless it is told that the server is busy."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.is_busy = False

    def post(self, address: str, body: list[Any], *, seconds: float) -> dict[str, Any]:
        if self.is_busy:
            raise Failed("unavailable", "busy", status=503)
        self.batches.append(body)
        return {"results": [{"status": "new"} for _ in body]}


def decided(version: int) -> Decided:
    now = datetime.now(UTC)
    return Decided(
        decision_id(now), read_question(QUESTION, now), version, 1, now, {"size_mult": 1.0}, "NO_MATCH", 0.0, 40.0
    )


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def reports(server: Server) -> Reports:
    made = Reports(server, "bot", lambda name, number: None, most=100)  # type: ignore[arg-type]  # stands for the server
    made._start = lambda: None  # type: ignore[method-assign]  # the test sends by itself
    return made


def test_a_batch_names_few_versions(server: Server, reports: Reports) -> None:
    """The server compiles versions that it does not serve any more, and refuses too many of them in one request."""
    for version in range(2 * VERSIONS + 1):
        reports.put(decided(version + 1))
        reports.put(decided(version + 1))

    assert reports.flush(5.0)

    assert [len(each) for each in server.batches] == [2 * VERSIONS, 2 * VERSIONS, 2]


def test_a_batch_that_a_busy_server_did_not_take_is_sent_again(server: Server, reports: Reports) -> None:
    reports.put(decided(1))
    server.is_busy = True

    assert not reports.flush(1.0)
    server.is_busy = False
    assert reports.flush(1.0)

    assert [len(each) for each in server.batches] == [1]
