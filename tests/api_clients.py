"""Clients of the API, and checks that apply to every response.

Keys are issued by the real code. Clients do not raise exceptions of views, so a test sees what a bot sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError
from rest_framework.test import APIClient

from telemetry.foundation.api.time_limits import write_time_limit
from tests.overrides.api import ofrep_protocol
from tests.people import keeper

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from overrides.serving.decisions.decision_record import Decided
    from telemetry.decisions.decision_log import DecisionRecord

PROBLEM = "application/problem+json"
ROLES = ("evaluate", "record", "bot", "propose", "read")


class RecordingQueue:
    """A decision queue that records what it receives; the real queue writes from a thread of its own."""

    def __init__(self) -> None:
        self.records: list[DecisionRecord] = []

    def put(self, decisions: Sequence[Decided]) -> None:
        from overrides.serving.decisions.decision_record import decision_record

        self.records.extend(map(decision_record, decisions))

    def put_durable(self, decisions: Sequence[Decided]) -> bool:
        """Write at once, in the transaction of the test; queue what the database does not take in time."""
        from overrides.serving.decisions.decision_record import decision_record
        from telemetry.decisions.decision_log import record_decisions

        try:
            with write_time_limit():
                record_decisions(list(map(decision_record, decisions)))
        except DatabaseError:
            self.put(decisions)
            return False
        return True

    def counters(self) -> dict[str, int]:
        """Return what a real queue counts, of what it holds."""
        return {"queued": len(self.records), "written": 0, "waiting": 0}


def bearer(key: str | None) -> APIClient:
    """Return a client that sends this key, or none."""
    client = APIClient(raise_request_exception=False)
    if key is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


def client_of(role: str, owner: User | None = None) -> APIClient:
    """Return a client with a new, live key of this role."""
    return bearer(new_key(role, owner))


def new_key(
    role: str, owner: User | None = None, *, expires_in: timedelta | None = None, is_revoked: bool = False
) -> str:
    """Return a new key, as shown when it was issued; this process's key ring knows it."""
    from config.access.api.authentication import KEY_RING
    from config.access.keys import issue_key, revoke_key

    now = datetime.now(UTC)
    expires_at = None if expires_in is None else now + expires_in
    row, key = issue_key(name=f"{role} bot", role=role, owner=owner or keeper(), by=None, at=now, expires_at=expires_at)
    if is_revoked:
        revoke_key(prefix=row.prefix, by=None, at=now)
    KEY_RING.forget()
    return key


def fields_of(response: Any) -> list[str]:
    """Return the fields that an error response names, as problem details or in the words of OpenFeature's protocol."""
    if is_of_the_protocol(response):
        named = [each.partition(": ") for each in response.json()["errorDetails"].split("; ")]
        return [field for field, colon, _ in named if colon]
    return [error["field"] for error in response.json().get("errors", ())]


def pages(api: APIClient, address: str) -> Iterator[list[Any]]:
    """Yield the pages of a list, each requested when the previous one has been used, until `next` is null."""
    following: str | None = address
    while following is not None:
        page = api.get(following).json()
        yield page["results"]
        following = page["next"]


def faults(response: Any) -> list[str]:
    """Return what is wrong with the format of an error response; an empty list if a bot could act on it.

    The response to HEAD has no body, so only its status is checked.
    """
    status = response.status_code
    if not 400 <= status < 500:
        return [f"answered {status}"]
    if response.request["REQUEST_METHOD"] == "HEAD":
        return []
    found = []
    if is_of_the_protocol(response):
        return protocol_faults(response.json())
    if response["Content-Type"] != PROBLEM:
        return [f"is {response['Content-Type']}: {response.content[:200]!r}"]
    body = response.json()
    if (body["type"], body["status"]) != ("about:blank", status) or not body["title"]:
        found.append(f"is of another form: {body}")
    messages = [body["detail"], *(error["message"] for error in body.get("errors", ()))]
    return found + without_a_way_out(messages)


def is_of_the_protocol(response: Any) -> bool:
    """Return whether a refusal has the form of OpenFeature's protocol: it knows one for requests it cannot evaluate."""
    is_below = response.request["PATH_INFO"].startswith("/ofrep/")
    return is_below and response.status_code in (400, 404) and response["Content-Type"] == "application/json"


def protocol_faults(body: Any) -> list[str]:
    """Return what is wrong with a refusal in the form of OpenFeature's protocol."""
    return [
        *ofrep_protocol.faults(ofrep_protocol.BULK_FAILURE, body),
        *without_a_way_out([body.get("errorDetails", "")]),
    ]


def without_a_way_out(messages: Sequence[str]) -> list[str]:
    """Return a fault unless one of the messages says what to do."""
    is_there = any(way_out in text for text in messages for way_out in WAYS_OUT)
    return [] if is_there else [f"tells no way out: {messages}"]


WAYS_OUT = (
    "send", "leave", "remove", "strip", "end it", "encode", "ask", "GET /api/", "names", "wait", "known are", "check",
    "required", "says there what",
)  # fmt: skip
