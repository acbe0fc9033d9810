"""The client makes ids of decisions by itself, as the server would: a server reads their time, and sorts by them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from uuid import UUID

import pytest

from overrides.client.decision_ids import decision_id
from telemetry.foundation.core.identifiers import uuid7, uuid7_time

AT = datetime(2026, 5, 1, 12, 30, 15, 123_456, tzinfo=UTC)


@pytest.mark.parametrize(
    "at", [AT, datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC), datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)]
)
def test_client_and_server_differ_in_the_random_bits_alone(at: datetime) -> None:
    ours, theirs = UUID(decision_id(at)), uuid7(at)

    assert (ours.int >> 64, ours.variant, ours.version) == (theirs.int >> 64, theirs.variant, 7)
    assert uuid7_time(ours) == uuid7_time(theirs)


def test_ids_of_one_moment_differ() -> None:
    assert len({decision_id(AT) for _ in range(1000)}) == 1000


def test_a_forked_process_makes_other_ids_than_its_parent() -> None:
    read, write = os.pipe()

    child = os.fork()
    if child == 0:
        os.write(write, decision_id(AT).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)

    with open(read, "rb") as sent:
        assert sent.read(36).decode() != decision_id(AT)
