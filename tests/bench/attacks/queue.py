"""Forged messages: every task of the queue with other times and odd arguments, called as a worker would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from config.celery import app

TIMES = (None, "2099-01-01T00:00:00Z", "2020-01-01T00:00:00+00:00", "infinity", "", "x", 5, ["2099"], {"a": 1})
ODD: tuple[dict[str, object], ...] = (
    {"module": "pm"},
    {"module": "dm"},
    {"module": "zz"},
    {"module": "pm", "policy": "evidence"},
    {"module": "pm'; DROP TABLE overrides_vote; --"},
    {"key": "x"},
    {"trades": [{"external_id": "x"}]},
    {"module": "pm", "by": "somebody", "request_id": 13, "force": True, "at": "2099-01-01T00:00:00Z"},
    {},
)


def statements() -> Iterator[tuple[str, Callable[[Any], object]]]:
    app.loader.import_default_modules()
    names = sorted(name for name in app.tasks if name.split(".")[0] in ("learning", "overrides", "telemetry"))
    for name in names:
        for odd in ODD:
            for time in TIMES:
                yield f"{name} {odd} now={time!r}", partial(_call, name, odd | {"now": time})


def _call(name: str, arguments: dict[str, Any], _: Any) -> None:
    app.tasks[name](**arguments)
