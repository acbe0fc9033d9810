"""The cost of a version in processes that serve: loading it whole, a change of it, and a switch while it compiles.

    ./dev bench load [OVERRIDES] [REPETITIONS]

The overrides lie in PostgreSQL, spread over 400 patterns and actions. *whole*: what a process does that starts, which
is all that `./dev bench load 1000000 0` measures. *publish* drafts, approves and applies a request, and *swap* is what
every process does then; CPU is that of one process alone, without the database's.

Two processes answer a question each millisecond. *one_line*, *off* and *off_while_compiling* are the wall times from
the commit of a change of one line, or of switching off, to the first answer of the last process that heeds it; the
latter while both compile another version whole. *pause* is the longest time without an answer meanwhile, *pause_cpu*
the most CPU time that the process used between two answers, and *pause_idle* is of a phase in which nothing happens: on
a busy machine, its own pauses.
"""

from __future__ import annotations

import gc
import math
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import process_time

from django.db import connection

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.models import Version
from overrides.serving.engine import Engine, load_engine
from overrides.serving.mode import lower_mode
from telemetry.audit.simulated_time import time_simulated
from tests.bench.engine import resident
from tests.bench.publish import OVERRIDES, placed
from tests.bench.report import figure, scratch_database, timed
from tests.bench.serving_process import Served, serving
from tests.bench.version_rows import fill_by_sql
from tests.builders import NOW, make_parameters, publish, set_mode

LINES = (1, 65, 1_000)  # that one publication changes
PROCESSES = 2
REPETITIONS = 20
MILLION = 1_000_000
OTHER = make_parameters({"weights": {"n_target": 30.0}})


def whole(total: int) -> Engine:
    """Load the version whole."""
    gc.collect()
    gc.freeze()  # as a web process does: a collection then looks at what the version left alone
    before, loaded = resident(), []
    taken = timed(lambda: loaded.append(load_engine("pm")))
    gc.collect()
    bars = {"bar": 30} if total >= MILLION else {}
    figure("load", "whole_cpu", taken.cpu, "s", overrides=total, us_each=round(taken.cpu / total * 1e6, 1), **bars)
    figure("load", "whole_wall", taken.wall, "s", overrides=total)
    figure("load", "kept", (resident() - before) / total, "bytes per override", overrides=total, bar=250)
    figure("load", "full_collection", timed(gc.collect).cpu * 1e3, "ms", overrides=total, bar=20)
    gc.unfreeze()
    return loaded[0]


def publishing(total: int, engine: Engine) -> None:
    """Publish few and many lines and other parameters, and take each up."""
    changes: dict[str, Callable[[], object]] = {
        **{f"{n}_lines": _changing([placed(number, 1.2 + n / 1e5) for number in range(n)]) for n in LINES},
        "parameters": lambda: publish(parameters=OTHER),
    }
    for name, change in changes.items():
        figure("load", f"publish_{name}_cpu", timed(change).cpu, "s", overrides=total)
        start = process_time()
        engine = load_engine("pm", known=engine)
        swap = process_time() - start
        figure("load", f"swap_{name}_cpu", swap, "s", overrides=total)


def _changing(specs: Sequence[OverrideSpec]) -> Callable[[], object]:
    return lambda: publish(*specs)


def switching(total: int, repetitions: int) -> None:
    """Change one line, and switch off, alone and while a version compiles, in processes that answer all the time."""
    of = {"overrides": total, "repetitions": repetitions, "processes": PROCESSES}
    with serving(str(connection.settings_dict["NAME"]), PROCESSES) as processes:
        _alone(processes, repetitions, of)
        _idle(processes, of)
        _while_compiling(processes, repetitions, of)


def _alone(processes: Sequence[Served], repetitions: int, of: Mapping[str, int]) -> None:
    chance, lines, off = random.Random(7), [], []
    for number in range(repetitions):
        set_mode("on")
        version = publish(placed(0, 1.01 + 2 * number / 1e4)).number
        _last(processes, version, "on", time.time())
        time.sleep(chance.random())
        version = publish(placed(0, 1.01 + (2 * number + 1) / 1e4)).number
        lines.append(_last(processes, version, "on", time.time()))
        time.sleep(chance.random())
        off.append(_last(processes, version, "off", lower_mode_at()))
    _show("one_line", lines, of)
    _show("off", off, of)


def _idle(processes: Sequence[Served], of: Mapping[str, int]) -> None:
    for each in processes:
        each.pause()
    time.sleep(3)
    _show_pauses("pause_idle", [each.pause() for each in processes], of)


def _while_compiling(processes: Sequence[Served], repetitions: int, of: Mapping[str, int]) -> None:
    chance, off, compiling = random.Random(8), [], 0
    pauses: list[dict[str, float]] = []
    before = Version.objects.get(module="pm", is_active=True).number
    for number in range(repetitions):
        set_mode("on")
        _last(processes, before, "on", time.time())
        version = publish(parameters=_reading_otherwise(number)).number
        time.sleep(0.6 + chance.random() / 2)  # they compile
        compiling += all(each.state() == (before, "on") for each in processes)
        switched = lower_mode_at()
        off.append(max(each.off_since(switched - 1.0) for each in processes) - switched)
        _last(processes, version, "off", 0.0)
        pauses += [each.pause() for each in processes]
        before = version
    _show("off_while_compiling", off, {**of, "while_compiling": compiling})
    _show_pauses("pause", pauses, of)


def _show_pauses(name: str, pauses: Sequence[Mapping[str, float]], of: Mapping[str, int]) -> None:
    for measure, suffix in (("pause", ""), ("cpu", "_cpu")):
        found = [each[measure] for each in pauses]
        figure("load", f"{name}{suffix}", max(found), "ms", **of, median=round(median(found), 1), bar=20)


def _show(name: str, seconds: Sequence[float], of: Mapping[str, int]) -> None:
    figure("load", f"{name}_p50", median(seconds), "s", **of)
    figure("load", f"{name}_p99", _percentile(seconds, 0.99), "s", **of, bar=1.2)


def lower_mode_at() -> float:
    """Switch off, and return when that was committed."""
    lower_mode(module="pm", by="bench", reason="bench", at=NOW, to="off")
    return time.time()


def _last(processes: Sequence[Served], version: int, mode: str, after: float) -> float:
    """Return the seconds from `after` until the last process served a state."""
    return max(each.since((version, mode), after - 1.0) for each in processes) - after


def _reading_otherwise(number: int) -> ModuleParameters:
    """Return parameters under which every scope is packed anew."""
    return make_parameters(dimensions=[f"own{number}", *make_parameters().dimensions])


def _percentile(seconds: Sequence[float], share: float) -> float:
    return sorted(seconds)[max(0, math.ceil(share * len(seconds)) - 1)]


def run(overrides: int = OVERRIDES, repetitions: int = REPETITIONS) -> None:
    fill_by_sql(overrides)
    engine = whole(overrides)
    if repetitions:
        publishing(overrides, engine)
        switching(overrides, repetitions)


if __name__ == "__main__":
    with scratch_database(), time_simulated("the bench publishes at an instant of its own"):
        run(*map(int, sys.argv[1:]))
