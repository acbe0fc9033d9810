"""Clients: a bot with its key, and a reviewer with a browser's session."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from http.cookiejar import CookieJar
from typing import Any

from telemetry.foundation.core.canonical_json import utc_text
from tests.builders import KEY, SCOPE, wait_until
from tests.outages.deployment import Deployment

TIMEOUT = 10.0
QUESTION: dict[str, Any] = {"module": "pm", "pattern_key": KEY, "action_category": "entry", "scope": SCOPE}
ALLOCATION: dict[str, Any] = {
    "module": "dm",
    "pattern_key": "dm_pattern.allocation.allocation",
    "action_category": "allocation",
}
STEP = 1.02  # size as moved by the published override, one step


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Message
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


class Bot:
    """Calls the API; every response must arrive within `timeout`."""

    def __init__(self, address: str, key: str) -> None:
        self._address, self._key = address.removeprefix("http://"), key
        self.decisions: list[str] = []

    def call(
        self, method: str, path: str, body: Any = None, *, timeout: float = TIMEOUT, request_id: str = ""
    ) -> Reply:
        connection = http.client.HTTPConnection(self._address, timeout=timeout)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        headers |= {"X-Request-ID": request_id} if request_id else {}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read().decode())
        finally:
            connection.close()

    def ask(
        self,
        question: dict[str, Any] = QUESTION,
        *,
        timeout: float = TIMEOUT,
        durable: bool = False,
        request_id: str = "",
    ) -> dict[str, Any]:
        """Return levers, which are always served; the decision is remembered."""
        path = "/api/v1/levers/resolve/" + ("?durable=true" if durable else "")
        reply = self.call("POST", path, question, timeout=timeout, request_id=request_id)
        assert reply.status == 200, reply.text
        answer: dict[str, Any] = reply.body
        self.decisions.append(answer["decision_id"])
        return answer

    def record(self, *trades: dict[str, Any], timeout: float = TIMEOUT, request_id: str = "") -> Reply:
        return self.call("POST", "/api/v1/trades/", list(trades), timeout=timeout, request_id=request_id)


class Reviewer:
    """Opens pages and submits forms, with the cookies of one session."""

    def __init__(self, address: str) -> None:
        self._address, self._cookies = address, CookieJar()
        self._browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def log_in(self, name: str, password: str) -> None:
        self.open_page("/admin/login/?next=/admin/")
        page = self.send("/admin/login/?next=/admin/", username=name, password=password)
        assert "Log out" in page.text, page.text

    def open_page(self, path: str) -> Reply:
        return self._open(urllib.request.Request(self._address + path))

    def send(self, path: str, **form: str) -> Reply:
        token = next(cookie.value for cookie in self._cookies if cookie.name == "csrftoken")
        body = urllib.parse.urlencode({"csrfmiddlewaretoken": token, **form}).encode()
        return self._open(urllib.request.Request(self._address + path, body, {"Referer": self._address}))

    def _open(self, request: urllib.request.Request) -> Reply:
        try:
            with self._browser.open(request, timeout=TIMEOUT) as answer:
                return Reply(answer.status, answer.headers, answer.read().decode())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return Reply(refusal.code, refusal.headers, refusal.read().decode())


def answers_of_all(deployment: Deployment, bot: Bot, question: dict[str, Any] = QUESTION) -> list[dict[str, Any]]:
    """Return one answer of each web process; empty unless every one of them happened to answer."""
    answers: dict[int | None, dict[str, Any]] = {}
    for _ in range(8):
        name = uuid.uuid4().hex
        answer = bot.ask(question, request_id=name)
        wait_until(lambda name=name: deployment.answered_by(name) is not None, "the process to be named")  # type: ignore[misc]
        answers[deployment.answered_by(name)] = answer
    return list(answers.values()) if answers.keys() == deployment.web_processes() else []


def closed_trade(*decisions: str, pattern_key: str = KEY) -> dict[str, Any]:
    """Return a trade that opened and closed just now with 1 R, and names the decisions its entry acted on."""
    now = utc_text(datetime.now(UTC))
    action: dict[str, Any] = QUESTION | {"pattern_key": pattern_key, "at": now, "decision_ids": list(decisions)}
    return {
        "external_id": uuid.uuid4().hex,
        "symbol": "BTC/USDT",
        "opened_at": now,
        "closed_at": now,
        "rr": 1.0,
        "actions": [action],
    }
