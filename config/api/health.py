"""`GET /api/v1/health/`: what `/readyz` says and how much work waits, for those with a key."""

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
    """Of the process that answered."""

    status = serializers.ChoiceField([OK, "stale", "expired"])
    version = serializers.IntegerField(allow_null=True)
    seconds_since_confirmed = serializers.FloatField(allow_null=True)


class JobSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField([OK, "late", "failed"])
    seconds_since_success = serializers.FloatField(allow_null=True)
    period_seconds = serializers.FloatField()


class WaitingSerializer(serializers.Serializer[Any]):
    dirty_groups = serializers.IntegerField(help_text="marks of new facts that cells do not hold yet")
    trades = serializers.IntegerField(help_text="trades that wait for attribution")
    messages = serializers.IntegerField(help_text="tasks that wait for the queue")


class HealthSerializer(serializers.Serializer[Any]):
    """`down`: PostgreSQL is away or not migrated; `degraded`: something else is amiss."""

    status = serializers.ChoiceField([OK, DEGRADED, DOWN])
    postgresql = serializers.ChoiceField([OK, DOWN])
    migrations_unapplied = serializers.IntegerField(required=False)
    jobs = serializers.DictField(child=JobSerializer(), required=False)
    queue = serializers.ChoiceField([OK, DOWN])
    engines = serializers.DictField(child=EngineSerializer())
    decisions_waiting = serializers.IntegerField(help_text="decisions that this process has yet to write")
    waiting = WaitingSerializer(allow_null=True, help_text="null: PostgreSQL is away")


class HealthView(APIView):
    required_permission = "telemetry.view_jobrun"

    @extend_schema(
        operation_id="get_health",
        summary="Engines, queue, jobs, and the work that waits",
        description="Always 200 to a live key; `status` tells. Without a key there are `/healthz` and `/readyz`.",
        responses={200: HealthSerializer, **problems(400)},
    )
    def get(self, request: Request) -> Response:
        query(request).close()
        report = health_report()
        return Response(report | {"waiting": None if report["postgresql"] == DOWN else _waiting()})


def _waiting() -> dict[str, int] | None:
    try:
        with bounded_reading():
            return {
                "dirty_groups": DirtyGroup.objects.count(),
                "trades": PendingAttribution.objects.count(),
                "messages": OutboxMessage.objects.filter(sent_at=None).count(),
            }
    except Error:  # gone within the last second
        return None
