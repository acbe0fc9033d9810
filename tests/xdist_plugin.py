"""Parallel test processes (`-n 2 --dist loadfile`): their private resources, and which tests stay together.

The processes share servers. pytest-django gives each process its own PostgreSQL database; this plugin gives it its own
Redis database, before Django reads its settings. It also starts the slowest tests first, so that no process has to wait
for the others at the end.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Generator
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]  # xdist ships no types

OUTAGES = "tests/outages/"  # they share one installation
# The longest first; outages mostly wait, so they leave their core to the others from the beginning.
LONG = (
    OUTAGES,
    "tests/test_a_week_of_hours.py",
    "tests/browser/",
    "tests/bench/test_bench_smoke.py",
    "tests/stateful/",
    "tests/config/demo/",
    "tests/config/test_worker.py",
    "tests/config/test_gunicorn.py",
    "tests/config/test_queues.py",
    "tests/telemetry/models/test_migrations.py",
    "tests/config/access/test_logins.py",
    "tests/telemetry/recording/test_imports_at_risk.py",
    "tests/bypass/people/test_changes.py",
)

if "PYTEST_XDIST_WORKER" in os.environ:  # gw0, gw1, ...
    number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
    server, _, _ = os.environ["REDIS_URL"].rpartition("/")
    os.environ["REDIS_URL"] = f"{server}/{number}"


class FileScheduling(LoadFileScheduling):  # type: ignore[misc]  # nor for what it is made of
    """Runs the tests of a file in one process, and all outage tests in one process."""

    def _split_scope(self, nodeid: str) -> str:
        return OUTAGES if nodeid.startswith(OUTAGES) else str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileScheduling:
    config.option.loadscopereorder = False  # do not sort by number of tests, which is unrelated to their duration
    return FileScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep what is collected out of the garbage collector's sight, which would search it again and again.

    The modules and items of all tests are some 660,000 objects, and none of them is garbage before the end. What the
    tests themselves leave is searched for after every 50,000 new objects instead of every 700 (2,000 from Python 3.13).
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    """Return the place of a test's file among the long ones, or behind all of them."""
    return next((place for place, path in enumerate(LONG) if item.nodeid.startswith(path)), len(LONG))
