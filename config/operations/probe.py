"""Checks of servers that may hang, without blocking the caller."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Probe(Generic[Answer]):
    """One check, run in a thread of its own; while it hangs no second thread is started."""

    def __init__(self, check: Callable[[], Answer]) -> None:
        self._check = check
        self._lock = threading.Lock()
        self._answer: Future[Answer] | None = None

    def ask(self) -> Callable[[float], Answer | None]:
        """Start the check unless it is running.

        The returned function waits for the result until a deadline (monotonic seconds); None if the check is late or
        failed.
        """
        with self._lock:
            future = self._answer
            if future is None or future.done():
                future = self._answer = Future()
                threading.Thread(target=self._run, args=[future], name="probe", daemon=True).start()
        return lambda until: _wait_for(future, until)

    def _run(self, answer: Future[Answer]) -> None:
        try:
            answer.set_result(self._check())
        except Exception as error:  # an unavailable server can cause any error
            answer.set_exception(error)


def _wait_for(answer: Future[Answer], until: float) -> Answer | None:
    """Wait for a result until a deadline; None if the check is late or failed."""
    try:
        return answer.result(timeout=max(0.0, until - time.monotonic()))
    except Exception:  # the check was late or failed
        return None
