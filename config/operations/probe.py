"""Questions to servers that may hang: whoever asks does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Probe(Generic[Answer]):
    """One question, asked in a thread of its own; while that hangs, no second thread is spent on it."""

    def __init__(self, question: Callable[[], Answer]) -> None:
        self._question = question
        self._asking = threading.Lock()
        self._answer: Future[Answer] | None = None

    def ask(self) -> Callable[[float], Answer | None]:
        """Ask, unless it is being asked. The result waits until a time of the monotonic clock; None: no answer."""
        with self._asking:
            asked = self._answer
            if asked is None or asked.done():
                asked = self._answer = Future()
                threading.Thread(target=self._run, args=[asked], name="probe", daemon=True).start()
        return lambda until: _waited_for(asked, until)

    def _run(self, answer: Future[Answer]) -> None:
        try:
            answer.set_result(self._question())
        except Exception as error:  # whatever a server that is away makes of it
            answer.set_exception(error)


def _waited_for(answer: Future[Answer], until: float) -> Answer | None:
    try:
        return answer.result(timeout=max(0.0, until - time.monotonic()))
    except Exception:  # late, or failed
        return None
