"""The id that ties the log lines, tasks and audit entries of one request together.

Whoever receives work sets it (the web process per request, the worker per task); everyone below may read it. Nobody
below needs to know where the work came from.
"""

from __future__ import annotations

import re
import uuid
from contextvars import ContextVar

LONGEST = 100
SEARCHABLE = re.compile(rf"[A-Za-z0-9._-]{{1,{LONGEST}}}", re.ASCII)

_current: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """The id of the work in hand; empty where nobody asked for it."""
    return _current.get()


def set_request_id(name: str) -> None:
    """From here on, in this thread; empty when the work is done."""
    _current.set(name)


def accepted(offered: str | None) -> str:
    """`offered` where it can be searched for and forges no log line, else a new id.

    >>> accepted("bot-7.4f2a")
    'bot-7.4f2a'
    >>> accepted("a\\nb") == "a\\nb", len(accepted(None))
    (False, 32)
    """
    return offered if offered is not None and SEARCHABLE.fullmatch(offered) else uuid.uuid4().hex
