"""Whatever is sent in the query of a request, a parameter is read strictly, once, and named where it is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from rest_framework.test import APIClient

from config.api.schema import schema_document
from overrides.serving.clients.client_confirmations import ClientConfirmations
from overrides.serving.engine import ENGINE_ROOM
from tests.api_clients import RecordingQueue, client_of, faults, fields_of
from tests.test_hostile_requests import JSON, dumped, question

pytestmark = pytest.mark.django_db

# What an endpoint needs beside the parameter of a test; all others take no body, and no parameter is required of them.
BODIES: Mapping[str, Any] = {
    "/api/v1/levers/resolve/": question(),
    "/api/v1/decisions/": [question()],  # refused by its receipt, whatever the parameters are
    "/ofrep/v1/evaluate/flags/": {"context": {"targetingKey": "BTC/USDT"}},
}
REQUIRED: Mapping[str, Mapping[str, str]] = {"/api/v1/snapshot/": {"module": "pm"}}
OF_EVALUATION = frozenset(REQUIRED)  # addresses whose GET is for those that evaluate


@pytest.fixture(autouse=True)
def queue(monkeypatch: pytest.MonkeyPatch) -> RecordingQueue:
    kept = RecordingQueue()
    monkeypatch.setattr("overrides.serving.decisions.decision_queue.QUEUE", kept)
    return kept


@pytest.fixture(autouse=True)
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the names of clients in memory, and close the engines that a test has read."""
    monkeypatch.setattr("overrides.api.snapshot.CLIENTS", ClientConfirmations(seconds=3600))
    yield
    ENGINE_ROOM.close()


def parameters() -> Iterator[tuple[str, str, str]]:
    """Return every query parameter of the schema, with its method and an address that accepts it."""
    for path, methods in schema_document()["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query":
                    yield method.upper(), path.replace("{request_id}", "1"), parameter["name"]


QUERIES = list(parameters())
# Already percent-encoded.
TEXTS = [
    "", "%20", "%00", "a%00b", "%ff", "%ED%A0%80", "%F0%9F%92%A9", "x" * 3000, "-1", "0", "1e9", "1e999", "NaN", "null",
    "9" * 30, "%D9%A3", "true%20", "[]", "%27%22%3B--", "2026-03-02T12:00:00", "0001-01-01T00:00:00%2B23:59",
    "9999-12-31T23:59:59-23:59", "..%2f..", "%7B%7D", "W10=", "WzFd", "bnVsbA==", "WyJ4Il0=", "WyItMSJd", "%25", "%",
]  # fmt: skip


def caller_of(method: str, path: str) -> APIClient:
    """Return a client of the role that may use the endpoint."""
    return client_of("evaluate" if method == "POST" or path in OF_EVALUATION else "read")


def send(api: APIClient, method: str, path: str, query: str) -> Any:
    """Return the response to a query, sent with a body that the endpoint takes."""
    return api.generic(method, path, dumped(BODIES.get(path, {})), JSON, QUERY_STRING=query)


class TestParameters:
    @pytest.mark.parametrize(("method", "path", "name"), QUERIES, ids=[" ".join(each) for each in QUERIES])
    def test_are_read_strictly_and_named_where_they_are_refused(self, method: str, path: str, name: str) -> None:
        api = caller_of(method, path)
        others = [(other, value) for other, value in REQUIRED.get(path, {}).items() if other != name]

        for text in TEXTS:
            response = send(api, method, path, "&".join([f"{name}={text}", *map("=".join, others)]))

            if response.status_code != 200 and "/lines/" not in path:
                assert (response.status_code, faults(response)) == (400, []), text
                assert fields_of(response) == [name], text

    @pytest.mark.parametrize(("method", "path", "name"), QUERIES, ids=[" ".join(each) for each in QUERIES])
    def test_are_sent_once(self, method: str, path: str, name: str) -> None:
        api = caller_of(method, path)

        response = send(api, method, path, f"{name}=pm&{name}=pm")

        assert (response.status_code, fields_of(response), faults(response)) == (400, [name], [])

    @pytest.mark.parametrize("text", ["colour=red", "=", "%00=1", "%ff=1", "x" * 5000, "&&a[]=1;b", "limit%00=1"])
    @pytest.mark.parametrize(
        "path", ["trades/", "overrides/", "modes/", "earned/", "health/", "versions/pm/1/", "schema/", "docs/"]
    )
    def test_are_known(self, path: str, text: str) -> None:
        response = client_of("read").generic("GET", f"/api/v1/{path}", QUERY_STRING=text)

        assert (response.status_code, len(fields_of(response)), faults(response)) == (400, 1, [])
