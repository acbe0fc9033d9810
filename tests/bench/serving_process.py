"""A process that serves: `python -m tests.bench.serving_process DATABASE` answers a question each millisecond.

It prints one line of JSON whenever it serves another version or mode, with the time, and one with its longest pause for
each line that it reads. A pause is the time beyond a millisecond between two answers, in which the machine's own pauses
count; `cpu` is the CPU time that the process used in the longest by that measure, in which they do not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

PATIENCE = 300.0  # seconds
State = tuple[int | None, str]


class Served:
    """A serving process as the bench sees it: when it began to serve what."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._seen: list[tuple[State, float]] = []
        self._pauses: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            with self._news:
                if "pause" in told:
                    self._pauses.append(told)
                else:
                    self._seen.append(((told["version"], told["mode"]), told["at"]))
                self._news.notify_all()

    def state(self) -> State | None:
        """Return what it serves."""
        with self._news:
            return self._seen[-1][0] if self._seen else None

    def since(self, state: State, after: float) -> float:
        """Return when it first served a state at or after a time; wait for it."""
        return self._since(lambda seen: seen == state, after)

    def off_since(self, after: float) -> float:
        """Return when it was first off at or after a time, whatever version it served; wait for it."""
        return self._since(lambda seen: seen[1] == "off", after)

    def _since(self, holds: Callable[[State], bool], after: float) -> float:
        def found() -> float | None:
            return next((at for state, at in self._seen if at >= after and holds(state)), None)

        with self._news:
            at = self._news.wait_for(found, PATIENCE)
        assert at is not None
        return at

    def pause(self) -> dict[str, Any]:
        """Return the longest pause since the last request for it, in milliseconds, and its number of answers."""
        assert self._process.stdin is not None
        with self._news:
            before = len(self._pauses)
            self._process.stdin.write("\n")
            self._process.stdin.flush()
            assert self._news.wait_for(lambda: len(self._pauses) > before, PATIENCE)
            return self._pauses[-1]


@contextmanager
def serving(database: str, count: int) -> Iterator[Sequence[Served]]:
    """Start several serving processes, and stop them at the end."""
    command = [sys.executable, "-m", "tests.bench.serving_process", database]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, env=os.environ, **pipes) for _ in range(count)]
    served = [Served(process) for process in processes]
    try:
        yield served
    finally:
        for process, each in zip(processes, served, strict=True):
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            process.wait(timeout=60)
            each.reader.join()  # it has read to the end
            process.stdout.close()


def answer_on(database: str) -> None:
    """Answer a question each millisecond until the input ends."""
    import gc

    import django

    django.setup()
    from django.db import connection

    from config.gunicorn import take_short_turns
    from overrides.serving.engine import ENGINE_ROOM
    from overrides.serving.resolve import resolve_one
    from tests.builders import make_question

    connection.settings_dict["NAME"] = database
    ENGINE_ROOM.start()
    take_short_turns()  # as a web process does, and settles
    gc.collect()
    gc.freeze()
    asked, ended = threading.Event(), threading.Event()

    def read() -> None:
        for _ in sys.stdin:
            asked.set()
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    question, shown, longest, used, count = make_question(pattern_key="bench.long.p0"), None, 0.0, 0.0, 0
    last, last_used = time.perf_counter(), time.process_time()
    while not ended.is_set():
        engine = ENGINE_ROOM.known("pm")
        resolve_one(question, engine, now=question.request.at)
        if engine is not None and (state := (engine.version, engine.mode.mode)) != shown:
            shown = state
            print(json.dumps({"version": state[0], "mode": state[1], "at": time.time()}), flush=True)
        if asked.is_set():
            asked.clear()
            print(json.dumps({"pause": longest * 1e3, "cpu": used * 1e3, "answers": count}), flush=True)
            longest, used, count = 0.0, 0.0, 0
        time.sleep(0.001)
        now, now_used = time.perf_counter(), time.process_time()
        longest, used, count = max(longest, now - last - 0.001), max(used, now_used - last_used), count + 1
        last, last_used = now, now_used
    ENGINE_ROOM.close()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    answer_on(sys.argv[1])
