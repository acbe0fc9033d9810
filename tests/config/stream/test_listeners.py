"""What waits for a listener is bounded by the number of modules."""

from __future__ import annotations

import asyncio

import pytest

from config.stream import listeners
from config.stream.events import CHANGED, HEARTBEAT
from config.stream.listeners import Listener, Listeners
from overrides.serving.clients.module_states import ModuleState
from overrides.serving.clients.stream_address import REFETCH

PM = {"pm": ModuleState("pm", 1, 1)}


def listener(form: str = CHANGED, **known: str) -> Listener:
    return Listener("0123", ("dm", "pm"), form, known)


def taken(each: Listener) -> bytes:
    return asyncio.run(each.next())


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "HEARTBEAT_SECONDS", 0.0)


def test_of_many_states_of_a_module_the_last_one_is_sent() -> None:
    each = listener()
    for revision in range(1000):
        each.offer([ModuleState("pm", 1, revision), ModuleState("dm", 2, revision)])

    events = taken(each)

    assert events.count(b"event: changed") == 2
    assert b'"mode_revision": 999' in events
    assert taken(each) == HEARTBEAT


def test_a_state_that_a_listener_knows_is_not_sent() -> None:
    each = listener(pm=PM["pm"].tag)
    each.offer(PM.values())

    assert taken(each) == HEARTBEAT


def test_a_new_listener_is_offered_the_states_as_they_are() -> None:
    room, each = Listeners(1), listener()
    room.publish(PM)

    room.add(each)

    assert (room.is_full, b'"etag": "\\"pm-1-1-4\\""' in taken(each)) == (True, True)


def test_states_are_repeated_only_to_providers_of_openfeature_and_only_if_they_stand() -> None:
    room, plain, provider = Listeners(2), listener(), listener(REFETCH)
    assert room.publish({"pm": ModuleState("pm", 0, 1)}) == []
    for each in (plain, provider):
        room.add(each)
    news = room.publish(PM)
    assert all(taken(each) != HEARTBEAT for each in (plain, provider))

    room.repeat(news)
    assert (taken(plain), b"refetchEvaluation" in taken(provider)) == (HEARTBEAT, True)

    room.publish({"pm": ModuleState("pm", 2, 1)})
    taken(provider)
    room.repeat(news)
    assert taken(provider) == HEARTBEAT
