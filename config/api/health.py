"""`GET /api/v1/health/`: the report of `/readyz` and the amount of waiting work, for callers with a key."""

from __future__ import annotations

from typing import Any

from django.db import Error
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.operations.health import DEGRADED, DOWN, OK, health_report
from telemetry.foundation.api.query_parameters import query
from telemetry.foundation.api.schema_parts import problems
from telemetry.foundation.api.time_limits import bounded_reading
from telemetry.foundation.models import OutboxMessage
from telemetry.models import DirtyGroup, PendingAttribution


class EngineSerializer(serializers.Serializer[Any]):
    """The engine of the process that answered."""

    status = serializers.ChoiceField([OK, "stale", "expired"])
    version = serializers.IntegerField(allow_null=True)
    seconds_since_confirmed = serializers.FloatField(allow_null=True)


class JobSerializer(serializers.Serializer[Any]):
    """One scheduled job."""

    status = serializers.ChoiceField([OK, "late", "failed"])
    seconds_since_success = serializers.FloatField(allow_null=True)
    period_seconds = serializers.FloatField()


class WaitingSerializer(serializers.Serializer[Any]):
    """The work that waits."""

    dirty_groups = serializers.IntegerField(help_text="groups with new facts that are not aggregated yet")
    trades = serializers.IntegerField(help_text="trades waiting for attribution")
    messages = serializers.IntegerField(help_text="tasks waiting to be sent to the queue")


class HealthSerializer(serializers.Serializer[Any]):
    """`down`: PostgreSQL is unavailable or not migrated; `degraded`: something else has failed."""

    status = serializers.ChoiceField([OK, DEGRADED, DOWN])
    postgresql = serializers.ChoiceField([OK, DOWN])
    migrations_unapplied = serializers.IntegerField(required=False)
    jobs = serializers.DictField(child=JobSerializer(), required=False)
    alarms = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="checks whose findings nobody has acknowledged"
    )
    clock_ahead_seconds = serializers.FloatField(
        allow_null=True,
        required=False,
        help_text="of this process's clock before the database's, negative behind; null within a second",
    )
    simulated_since = serializers.DateTimeField(
        allow_null=True, required=False, help_text="since when the database accepts other times than its clock's"
    )
    queue = serializers.ChoiceField([OK, DOWN])
    engines = serializers.DictField(child=EngineSerializer())
    decisions_waiting = serializers.IntegerField(help_text="decisions that this process has not written yet")
    waiting = WaitingSerializer(allow_null=True, help_text="null: PostgreSQL is unavailable")


class HealthView(APIView):
    """Serves the health report."""

    required_permission = "telemetry.view_jobrun"

    @extend_schema(
        operation_id="get_health",
        summary="Engines, queue, jobs, and the work that waits",
        description="Always 200 for a live key; see `status`. Without a key use `/healthz` and `/readyz`.",
        responses={200: HealthSerializer, **problems(400)},
    )
    def get(self, request: Request) -> Response:
        query(request).close()
        report = health_report()
        return Response(report | {"waiting": None if report["postgresql"] == DOWN else _waiting()})


def _waiting() -> dict[str, int] | None:
    """Return the amount of waiting work; None if PostgreSQL is unavailable."""
    try:
        with bounded_reading():
            return {
                "dirty_groups": DirtyGroup.objects.count(),
                "trades": PendingAttribution.objects.count(),
                "messages": OutboxMessage.objects.filter(sent_at=None).count(),
            }
    except Error:  # became unavailable within the last second
        return None
