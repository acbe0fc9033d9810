"""Messages to the user, on stderr: stdout carries only results."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Refused(Exception):
    """A problem that the user can fix; printed without a traceback."""


def say(text: str = "") -> None:
    """Print a message on stderr."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Announce a step that may take a while, then print how long it took."""
    print(f"  {text} ... ", end="", file=sys.stderr, flush=True)
    began = time.monotonic()
    try:
        yield
    except BaseException:
        say("stopped")
        raise
    say(f"{time.monotonic() - began:.1f} s")
