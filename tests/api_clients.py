"""Clients of the API, and what holds for each of its responses.

Keys are really issued. Clients do not re-raise exceptions of a view: a test sees what a bot would see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rest_framework.test import APIClient

if TYPE_CHECKING:
    from telemetry.decisions.decision_log import DecisionRecord

PROBLEM = "application/problem+json"
ROLES = ("evaluate", "record", "propose", "read")


class Kept:
    """A decision queue that keeps its decisions; the real one writes them from a thread of its own."""

    def __init__(self) -> None:
        self.records: list[DecisionRecord] = []

    def put(self, decisions: Sequence[DecisionRecord]) -> None:
        self.records.extend(decisions)


def bearer(key: str | None) -> APIClient:
    """Return a client that sends this key, or none."""
    client = APIClient(raise_request_exception=False)
    if key is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


def client_of(role: str) -> APIClient:
    """Return a client with a new, live key of this role."""
    return bearer(new_key(role))


def new_key(role: str, *, expires_in: timedelta | None = None, is_revoked: bool = False) -> str:
    """Return a new key as it is shown once; this process accepts it."""
    from config.access.api.authentication import KEY_RING
    from config.access.keys import issue_key, revoke_key

    now = datetime.now(UTC)
    expires_at = None if expires_in is None else now + expires_in
    row, key = issue_key(name=f"{role} bot", role=role, by=None, at=now, expires_at=expires_at)
    if is_revoked:
        revoke_key(prefix=row.prefix, by=None, at=now)
    KEY_RING.forget()
    return key


def fields_of(response: Any) -> list[str]:
    """Return the fields that a refusal names."""
    return [error["field"] for error in response.json().get("errors", ())]


def pages(api: APIClient, address: str) -> Iterator[list[Any]]:
    """Yield the pages of a list, each requested after the one before was used, until `next` is null."""
    following: str | None = address
    while following is not None:
        page = api.get(following).json()
        yield page["results"]
        following = page["next"]


def faults(response: Any) -> list[str]:
    """Return what is wrong with the form of a refusal; empty if a bot could act on it.

    HEAD is answered without a body, so only its status is checked.
    """
    status = response.status_code
    if not 400 <= status < 500:
        return [f"answered {status}"]
    if response.request["REQUEST_METHOD"] == "HEAD":
        return []
    found = []
    if response["Content-Type"] != PROBLEM:
        return [f"is {response['Content-Type']}: {response.content[:200]!r}"]
    body = response.json()
    if (body["type"], body["status"]) != ("about:blank", status) or not body["title"]:
        found.append(f"is of another form: {body}")
    texts = [body["detail"], *(error["message"] for error in body.get("errors", ()))]
    if not any(way_out in text for text in texts for way_out in WAYS_OUT):
        found.append(f"tells no way out: {texts}")
    return found


WAYS_OUT = (
    "send", "leave", "remove", "strip", "end it", "encode", "ask", "GET /api/", "names", "wait", "known are", "check",
    "required", "says there what",
)  # fmt: skip
