"""Measuring and telling: seconds of work, medians of interleaved rounds, one JSON line a figure."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from django.db import connections
from django.test.utils import (
    setup_databases,
    setup_test_environment,
    teardown_databases,
    teardown_test_environment,
)

Work = Callable[[], object]


@dataclass(frozen=True)
class Seconds:
    """What a piece of work took; `cpu` is this process's alone, the database's share shows in `wall` only."""

    wall: float
    cpu: float


def timed(work: Work) -> Seconds:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def interleaved(works: Mapping[str, Work], rounds: int, before: Work = lambda: None) -> dict[str, Seconds]:
    """The median of each work over rounds in which all take turns, so that a busy machine slows all alike.

    `before` runs unmeasured ahead of every work.
    """
    taken: dict[str, list[Seconds]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            before()
            taken[name].append(timed(work))
    return {
        name: Seconds(median(each.wall for each in all_of_it), median(each.cpu for each in all_of_it))
        for name, all_of_it in taken.items()
    }


def figure(bench: str, name: str, value: float, unit: str, **context: object) -> None:
    """Print one figure as a line of JSON; `context` says against what, over how much, and where the bar is."""
    rounded = float(f"{value:.4g}")
    print(json.dumps({"bench": bench, "figure": name, "value": rounded, "unit": unit, **context}), flush=True)


@contextmanager
def scratch_database() -> Iterator[None]:
    """A migrated database of this process's own beside the configured one, dropped at the end."""
    setup_test_environment(debug=False)  # in debug mode Django keeps every statement it sends
    connections["default"].settings_dict["TEST"]["NAME"] = f"bench_{os.getpid()}"
    databases = setup_databases(verbosity=0, interactive=False, serialized_aliases=[])
    try:
        yield
    finally:
        teardown_databases(databases, verbosity=0)
        teardown_test_environment()
