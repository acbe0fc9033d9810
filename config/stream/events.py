"""The text of server-sent events: one form for clients of this product, one as OpenFeature's protocol defines it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from overrides.serving.clients.module_states import ModuleState
from overrides.serving.clients.stream_address import REFETCH

RETRY = b"retry: 2000\n\n"  # milliseconds before a client connects again
HEARTBEAT = b": no change\n\n"
CHANGED = "changed"

Tags = Mapping[str, str]  # module -> tag of its state
Form = Callable[[ModuleState, Tags], bytes]


def changed(state: ModuleState, tags: Tags) -> bytes:
    """Return the event for clients of this product. `tags` are the states that the listener knows from it on.

    >>> print(changed(ModuleState("pm", 12, 7), {"pm": '"pm-12-7-3"'}).decode())
    id: pm-12-7-3
    event: changed
    data: {"module": "pm", "version": 12, "mode_revision": 7, "etag": "\\"pm-12-7-3\\""}
    <BLANKLINE>
    <BLANKLINE>
    """
    data = {
        "module": state.module,
        "version": state.version,
        "mode_revision": state.mode_revision,
        "etag": tags[state.module],
    }
    return _event("changed", tags, data)


def refetch(state: ModuleState, tags: Tags) -> bytes:
    """Return the event by which OpenFeature's protocol asks a provider to evaluate its flags again."""
    return _event("message", tags, {"type": "refetchEvaluation", "etag": tags[state.module]})


FORMS: Mapping[str, Form] = {CHANGED: changed, REFETCH: refetch}


def event_id(tags: Tags) -> str:
    """Return the id of an event: the tags of all states that the listener then knows.

    >>> event_id({"pm": '"pm-12-7-3"', "dm": '"dm-4-2-3"'})
    'dm-4-2-3.pm-12-7-3'
    """
    return ".".join(tags[module].strip('"') for module in sorted(tags))


def known_tags(last_event_id: str) -> dict[str, str]:
    """Return the tags that an event id names; what is no such id names none.

    >>> known_tags("dm-4-2-3.pm-12-7-3"), known_tags("")
    ({'dm': '"dm-4-2-3"', 'pm': '"pm-12-7-3"'}, {})
    """
    return {tag.partition("-")[0]: f'"{tag}"' for tag in last_event_id.split(".") if tag}


def _event(name: str, tags: Tags, data: Mapping[str, Any]) -> bytes:
    return f"id: {event_id(tags)}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode()
