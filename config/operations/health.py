"""`/healthz`: the process is running. `/readyz`: the services it needs are available, and what is degraded.

If PostgreSQL is unavailable `/readyz` answers 503, although levers are still served: route bots by `/healthz`, people
by `/readyz`. Both answer within about a second whatever hangs, and reveal no address, name or error text.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from config.operations.job_punctuality import punctuality
from config.operations.probe import Probe
from overrides.core.engine.staleness import FRESH_SECONDS
from overrides.serving.decisions.decision_queue import decision_counters
from overrides.serving.engine import ENGINE_ROOM
from telemetry.audit.alarms import alarms
from telemetry.audit.clock_difference import NOTICEABLE_SECONDS, clock_difference
from telemetry.audit.simulated_time import simulated_time
from telemetry.core.vocabulary import Module

PATIENCE_SECONDS = 1.0
OK, DEGRADED, DOWN = "ok", "degraded", "down"


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 whenever the process is running; no I/O."""
    return JsonResponse({"status": OK})


def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 if PostgreSQL is available and migrated; a missing queue, late job, alarm or stale engine degrades.

    `alarms` names the checks that found something which nobody has acknowledged. A clock more than a second off the
    database's degrades too; `simulated_since` says since when the owner of the database accepts other times.
    """
    report = health_report()
    return JsonResponse(report, status=503 if report["status"] == DOWN else 200)


def health_report() -> dict[str, Any]:
    """Return what is available and what is not, with the overall state as `status`."""
    until = time.monotonic() + PATIENCE_SECONDS
    postgresql, queue = POSTGRESQL.ask(), REDIS.ask()
    counters = decision_counters()
    report = {
        **(postgresql(until) or {"postgresql": DOWN}),
        "queue": queue(until) or DOWN,
        "engines": {module.value: _engine(module) for module in Module},
        "decisions_waiting": counters["waiting"],
        "decisions": counters,
    }
    return {"status": _status(report), **report}


def _status(report: Mapping[str, Any]) -> str:
    """Return the overall state."""
    if report["postgresql"] != OK or report["migrations_unapplied"]:
        return DOWN
    parts = {report["queue"], *(each["status"] for group in ("jobs", "engines") for each in report[group].values())}
    is_fine = parts == {OK} and not report["alarms"] and report["clock_ahead_seconds"] is None
    return OK if is_fine else DEGRADED


def _ask_postgresql() -> dict[str, Any]:
    """Check PostgreSQL on a connection of its own; a process without an engine starts to load one."""
    try:
        executor = MigrationExecutor(connection)
        unapplied = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        if not unapplied:
            ENGINE_ROOM.engine(Module.PM)
        jobs = {} if unapplied else punctuality(now=datetime.now(UTC))
        standing = [] if unapplied else [alarm.check for alarm in alarms() if not alarm.is_acknowledged]
        clock = {} if unapplied else _clock()
        return {"postgresql": OK, "migrations_unapplied": unapplied, "jobs": jobs, "alarms": standing, **clock}
    finally:
        connection.close()


def _clock() -> dict[str, Any]:
    """Return how far this process's clock is off the database's, if noticeably, and since when time is simulated."""
    ahead, simulated = clock_difference(), simulated_time()
    return {
        "clock_ahead_seconds": round(ahead, 1) if abs(ahead) > NOTICEABLE_SECONDS else None,
        "simulated_since": simulated.since.isoformat() if simulated else None,
    }


def _ask_redis() -> str:
    """Check Redis."""
    with redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=PATIENCE_SECONDS, socket_timeout=PATIENCE_SECONDS
    ) as client:
        client.ping()
    return OK


def _engine(module: Module) -> dict[str, Any]:
    """Return the version that this process serves, and how long ago PostgreSQL last confirmed it."""
    engine, age = ENGINE_ROOM.known(module), ENGINE_ROOM.stale_seconds(module)
    return {
        "status": OK if age <= FRESH_SECONDS else "stale" if age <= ENGINE_ROOM.max_stale_seconds else "expired",
        "version": engine.version if engine else None,
        "seconds_since_confirmed": round(age, 1) if math.isfinite(age) else None,
    }


POSTGRESQL, REDIS = Probe(_ask_postgresql), Probe(_ask_redis)
