"""Test processes side by side (`-n 2 --dist loadfile`): what each has of its own, and which tests stay together.

They share servers: pytest-django names the PostgreSQL database after the process; this plugin does the same for Redis,
before Django reads its settings. It also has what takes minutes begin first, so that no process waits for the others
at the end.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]  # xdist ships no types

OUTAGES = "tests/outages/"  # one installation for all of them
LONG = (OUTAGES, "tests/test_a_week_of_hours.py", "tests/browser/", "tests/config/demo/")

if "PYTEST_XDIST_WORKER" in os.environ:  # gw0, gw1, ...
    number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
    server, _, _ = os.environ["REDIS_URL"].rpartition("/")
    os.environ["REDIS_URL"] = f"{server}/{number}"


class Rooms(LoadFileScheduling):  # type: ignore[misc]  # nor for what it is made of
    """A file's tests run in one process, and so do all outages."""

    def _split_scope(self, nodeid: str) -> str:
        return OUTAGES if nodeid.startswith(OUTAGES) else str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Rooms:
    config.option.loadscopereorder = False  # by the number of tests, which says nothing of how long they take
    return Rooms(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
