"""`GET /api/v1/scorecards/`: what lines, and groups of them, promised and earned."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.models import Scorecard
from overrides.monitoring.scoring.score_groups import MANUAL
from telemetry.api.pattern_fields import MODULE
from telemetry.foundation.api.list_view import ListView, list_schema
from telemetry.foundation.api.query_parameters import Filters, one_of, query, words
from telemetry.foundation.api.schema_parts import named_id, problems
from telemetry.foundation.api.time_limits import bounded_reading
from telemetry.foundation.core.fields import matching

LONGEST = 160
ID = matching("[0-9a-f]{64}", "64 hexadecimal digits")
FILTERS: Filters = {
    "group": one_of("group", Scorecard.Group.values, "what the lines of a scorecard have in common"),
    "module": MODULE,
    "method": one_of("method", [*LearningMethod, MANUAL], "of lines and of methods: how they were learned"),
    "name": words("name", "the pattern, the method or the person; the id of a line", longest=LONGEST),
}


class ScorecardSerializer(serializers.ModelSerializer[Scorecard]):
    """Figures in R per trade; one that the data do not suffice for is null."""

    class Meta:
        model = Scorecard
        fields = (
            "id", "group", "module", "name", "method", "line", "lines", "is_shown", "trades", "decisions", "movement",
            "judged", "judged_days", "promised", "realised", "realised_low", "realised_high", "slope", "slope_low",
            "slope_high", "earning_days", "earned", "earned_each", "earned_low", "earned_high", "computed_at",
        )  # fmt: skip


@extend_schema_view(
    get=list_schema("list_scorecards", "What lines and groups promised and earned", ScorecardSerializer, FILTERS)
)
class ScorecardsView(ListView):
    """List the scorecards."""

    required_permission = "overrides.view_override"
    filters = FILTERS
    order = {"id": ID}
    rows = Scorecard.objects.defer("bins")
    document = ScorecardSerializer


class ScorecardView(APIView):
    """Return one scorecard."""

    required_permission = "overrides.view_override"

    @extend_schema(
        operation_id="get_scorecard",
        summary="One scorecard",
        parameters=[
            named_id("scorecard_id", {"type": "string", "pattern": "^[0-9a-f]{64}$"}, "the hash of what it is about")
        ],
        responses={200: ScorecardSerializer, **problems(400, 404, 503)},
    )
    def get(self, request: Request, scorecard_id: str) -> Response:
        query(request).close()
        with bounded_reading():
            card = Scorecard.objects.defer("bins").filter(pk=scorecard_id).first()
            if card is None:
                raise NotFound(f"no scorecard {scorecard_id[:12]}… is stored; GET /api/v1/scorecards/ lists them")
            return Response(ScorecardSerializer(card).data)
