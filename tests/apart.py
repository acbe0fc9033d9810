"""Test processes side by side (`-n 2`) share servers: each has a database of its own, in Redis as in PostgreSQL.

pytest-django names the PostgreSQL database after the process; this plugin does the same for Redis, before Django reads
its settings.
"""

from __future__ import annotations

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # gw0, gw1, ...
    number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
    server, _, _ = os.environ["REDIS_URL"].rpartition("/")
    os.environ["REDIS_URL"] = f"{server}/{number}"
