"""`GET /api/v1/dimensions/unknown/`: the dimensions that bots send and no module knows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from overrides.versions.unknown_dimensions import sent_and_unknown
from telemetry.api.pattern_fields import MODULES
from telemetry.foundation.api.query_parameters import query
from telemetry.foundation.api.schema_parts import problems
from telemetry.foundation.api.time_limits import bounded_reading
from telemetry.recording.dimension_use import LOOKED_THROUGH, WINDOW, Sent


class ValueDocument(serializers.Serializer[Any]):
    """A value of a dimension, and how many of the rows read carried it."""

    value = serializers.CharField()
    n = serializers.IntegerField()


class UnknownDimensionDocument(serializers.Serializer[Any]):
    """A dimension that is recorded, and not learned from, because the parameters of its module do not name it."""

    module = serializers.ChoiceField(MODULES)
    dimension = serializers.CharField()
    actions = serializers.IntegerField(help_text="recent actions that carried it")
    n_actions = serializers.IntegerField(help_text="recent actions read")
    decisions = serializers.IntegerField(help_text="recent decisions whose request carried it")
    n_decisions = serializers.IntegerField(help_text="recent decisions read")
    n_values = serializers.IntegerField(help_text="number of different values")
    most_frequent = ValueDocument(many=True, help_text="at most five values")
    first = serializers.DateTimeField(help_text="time of the first action or decision among them that carried it")
    last = serializers.DateTimeField(help_text="time of the last one")


class UnknownDimensionsView(APIView):
    """List the unknown dimensions of all modules, those sent most often first."""

    required_permission = "telemetry.view_trade"

    @extend_schema(
        operation_id="list_unknown_dimensions",
        summary="Dimensions that bots send and no module knows",
        description=f"Of the last 90 days, and of each module at most the newest {WINDOW:,} actions and {WINDOW:,} "
        f"decisions among the newest {LOOKED_THROUGH:,} of all modules. They are recorded and not learned from; a "
        "parameter request adds one to its module.",
        responses={
            200: inline_serializer("UnknownDimensions", {"results": UnknownDimensionDocument(many=True)}),
            **problems(400, 503),
        },
    )
    def get(self, request: Request) -> Response:
        query(request).close()
        with bounded_reading():
            found = sent_and_unknown(datetime.now(UTC))
        return Response({"results": [_document(each) for each in found]})


def _document(sent: Sent) -> dict[str, Any]:
    values = [{"value": value, "n": count} for value, count in sent.most_frequent]
    return dict(UnknownDimensionDocument({**vars(sent), "most_frequent": values}).data)
