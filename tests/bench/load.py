"""The cost of a version in a process that serves: loading it whole, a change of it, and a switch while it compiles.

    ./dev bench load [OVERRIDES]

The overrides lie in PostgreSQL, spread over 400 patterns and actions. *whole*: what a process does that starts.
*one_line*, *many_keys* and *parameters*: what every process does when a version is published. CPU is that of this
process alone. *off*: the wall time from the commit of a switch to the first neutral answer, while another version
compiles in the same process; *pause* is the longest that one of the answers in that time took.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Callable
from typing import Self

from django.db import connection

from overrides.serving.engine import Engine, EngineRoom, load_engine
from overrides.serving.resolve import resolve_one
from telemetry.audit.simulated_time import time_simulated
from tests.bench.engine import resident
from tests.bench.publish import OVERRIDES, fill, placed
from tests.bench.report import figure, scratch_database, timed
from tests.builders import make_parameters, make_question, publish, set_mode

MANY = 65  # keys that one publication touches
SWITCHES = 3
PATIENCE = 300.0  # seconds


def reading_of(total: int) -> None:
    """Load the version whole, then what three kinds of publication change of it."""
    gc.collect()
    before, loaded = resident(), []
    taken = timed(lambda: loaded.append(load_engine("pm")))
    gc.collect()
    of = {"overrides": total}
    each = round(taken.cpu / total * 1e6, 1)
    figure("load", "whole_cpu", taken.cpu, "s", **of, us_each=each)
    figure("load", "whole_wall", taken.wall, "s", **of)
    figure("load", "kept", (resident() - before) / total, "bytes per override", **of, bar=250)
    changes: dict[str, Callable[[], object]] = {
        "one_line": lambda: publish(placed(0, 1.2)),
        "many_keys": lambda: publish(*[placed(number, 1.2) for number in range(1, MANY + 1)]),
        "parameters": lambda: publish(parameters=make_parameters({"weights": {"n_target": 30.0}})),
    }
    for name, change in changes.items():
        change()
        seconds = timed(lambda: loaded.append(load_engine("pm", known=loaded[-1]))).cpu
        figure("load", f"{name}_cpu", seconds, "s", **of)


class Answers:
    """Answers one question after the other in a thread, and notes the longest that one took, in seconds."""

    def __init__(self, room: EngineRoom) -> None:
        self._room, self._done = room, threading.Event()
        self._question = make_question(pattern_key="bench.long.p0")
        self.longest, self.count = 0.0, 0
        self._thread = threading.Thread(target=self._answer)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _answer(self) -> None:
        while not self._done.is_set():
            start = time.perf_counter()
            resolve_one(self._question, self._room.engine("pm"), now=self._question.request.at)
            self.longest, self.count = max(self.longest, time.perf_counter() - start), self.count + 1


def served(room: EngineRoom) -> Engine:
    engine = room.known("pm")
    assert engine is not None
    return engine


def waited(holds: Callable[[], bool]) -> float:
    """Return the seconds until something holds."""
    start = time.perf_counter()
    while not holds():
        assert time.perf_counter() - start < PATIENCE
        time.sleep(0.002)
    return time.perf_counter() - start


def switching(total: int, number: int) -> None:
    """Switch off while the whole version compiles, and answer all the time."""
    set_mode("on")
    room = EngineRoom()
    room.start()
    before = served(room).version
    publish(parameters=make_parameters(dimensions=[f"own{number}", *make_parameters().dimensions]))  # all anew
    with Answers(room) as answers:
        time.sleep(1.2)  # it compiles
        set_mode("off")
        off = waited(lambda: served(room).mode.mode == "off")
        compiles = served(room).version == before
        compiled = waited(lambda: served(room).version != before)
    figure(
        "load", "off", off, "s", overrides=total, while_compiling=compiles, compiled_after=round(compiled, 2), bar=1.2
    )
    figure("load", "pause", answers.longest * 1e3, "ms", overrides=total, answers=answers.count, bar=20)
    room.close()


def run(overrides: int = OVERRIDES) -> None:
    fill([placed(number, 1.1) for number in range(overrides)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # which a database does by itself, a while after rows came
    publish(placed(0, 1.15))  # a version whose hash is of all of them
    reading_of(overrides)
    for number in range(SWITCHES):
        switching(overrides, number)


if __name__ == "__main__":
    with scratch_database(), time_simulated("the bench publishes at an instant of its own"):
        run(*map(int, sys.argv[1:]))
