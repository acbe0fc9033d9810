"""`/healthz`: the process is up. `/readyz`: it can serve, and what is degraded."""

from __future__ import annotations

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse


def healthz(request: HttpRequest) -> JsonResponse:
    """200 whenever the process answers; no I/O."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when PostgreSQL answers and is migrated; a missing queue is `degraded`, not down."""
    checks = {"postgresql": _postgresql(), "queue": _queue()}
    is_ready = checks["postgresql"] == "ok"
    status = "ok" if set(checks.values()) == {"ok"} else "degraded" if is_ready else "down"
    return JsonResponse({"status": status, "checks": checks}, status=200 if is_ready else 503)


def _postgresql() -> str:
    try:
        executor = MigrationExecutor(connection)
        unapplied = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "down"
    return f"{len(unapplied)} migrations unapplied" if unapplied else "ok"


def _queue() -> str:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1) as client:
            client.ping()
    except redis.RedisError:
        return "down"
    return "ok"
