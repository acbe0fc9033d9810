"""One id identifies a request in the log of the web process, in the outbox and in the log of the worker."""

from __future__ import annotations

import uuid
from typing import Any

from tests.builders import wait_until
from tests.outages.callers import Bot, closed_trade
from tests.outages.deployment import Deployment

TASKS = {"learning.aggregate_soon", "learning.coefficients_soon", "telemetry.attribute_soon"}


def test_follows_a_trade_from_the_request_to_the_task(deployment: Deployment, bot: Bot) -> None:
    name = f"bot-7.{uuid.uuid4().hex}"

    reply = bot.record(closed_trade(), request_id=name)

    assert (reply.status, reply.headers["X-Request-ID"]) == (200, name)
    (line,) = _lines(deployment, "web", name, event="request")
    assert (line["method"], line["path"], line["status"]) == ("POST", "/api/v1/trades/", 200)
    assert line["who"].startswith("key:")
    sent = deployment.query("SELECT DISTINCT task FROM telemetry_outboxmessage WHERE request_id = %s", name)
    assert {task for (task,) in sent} == TASKS
    wait_until(lambda: {line.get("task") for line in _lines(deployment, "facts", name)} >= TASKS, "the tasks to log")


def _lines(deployment: Deployment, process: str, request_id: str, **having: Any) -> list[dict[str, Any]]:
    lines = [line for line in deployment.log(process) if line.get("request_id") == request_id]
    return [line for line in lines if having.items() <= line.items()]
