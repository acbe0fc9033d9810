"""Measuring and reporting: seconds of work, medians of interleaved rounds, one JSON line per figure."""

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
    """The duration of a piece of work; `cpu` is this process's alone, `wall` includes the database's share."""

    wall: float
    cpu: float


def timed(work: Work) -> Seconds:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def interleaved(works: Mapping[str, Work], rounds: int, before: Work = lambda: None) -> dict[str, Seconds]:
    """Return the median of each work over rounds in which all take turns, so that a busy machine slows all alike.

    `before` runs unmeasured before every work.
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
    """Print one figure as a line of JSON; `context` states its comparison, its extent and its bar."""
    rounded = float(f"{value:.4g}")
    print(json.dumps({"bench": bench, "figure": name, "value": rounded, "unit": unit, **context}), flush=True)


@contextmanager
def scratch_database() -> Iterator[None]:
    """Create a migrated database of this process beside the configured one, and drop it at the end."""
    setup_test_environment(debug=False)  # in debug mode Django records every statement
    connections["default"].settings_dict["TEST"]["NAME"] = f"bench_{os.getpid()}"
    databases = setup_databases(verbosity=0, interactive=False, serialized_aliases=[])
    try:
        yield
    finally:
        teardown_databases(databases, verbosity=0)
        teardown_test_environment()
