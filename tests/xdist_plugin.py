"""Tests in parallel processes (`-n 2 --dist loadfile`): what each process owns, and which tests stay together.

The processes share servers: pytest-django names the PostgreSQL database after the process, and this plugin does the
same for Redis before Django reads its settings. It also starts the slowest files first, so that no process waits for
the others at the end.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]  # xdist ships no types

OUTAGES = "tests/outages/"  # all of them share one installation
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
    config.option.loadscopereorder = False  # its order by number of tests says nothing about their duration
    return Rooms(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
