"""The request id, which ties together the log lines, tasks and audit entries of one request.

Entry points set it: the web process per request, the worker per task. All code below may read it without knowing where
the work came from.
"""

from __future__ import annotations

import re
from contextvars import ContextVar

from telemetry.foundation.core.identifiers import random_bits

LONGEST = 100
SEARCHABLE = re.compile(rf"[A-Za-z0-9._-]{{1,{LONGEST}}}", re.ASCII)

_current: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """Return the id of the current request; empty outside of one."""
    return _current.get()


def set_request_id(name: str) -> None:
    """Set the id for the current context; an empty text when the work is done."""
    _current.set(name)


def accepted(offered: str | None) -> str:
    """Return `offered` if it is searchable and cannot forge a log line, otherwise a new id.

    >>> accepted("bot-7.4f2a")
    'bot-7.4f2a'
    >>> accepted("a\\nb") == "a\\nb", len(accepted(None))
    (False, 32)
    """
    return offered if offered is not None and SEARCHABLE.fullmatch(offered) else f"{random_bits(128):032x}"
