"""`GET /api/v1/decisions/`: the list of decisions, and one decision with its outcomes and attribution shares."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from telemetry.api.own_rows import DECISIONS
from telemetry.api.pattern_fields import PATTERN
from telemetry.api.serializers import DecisionBrief, WholeDecisionFact
from telemetry.decisions.retirement import retired_by
from telemetry.foundation.api.list_view import ListView, list_schema
from telemetry.foundation.api.query_parameters import Filters, number_from, one_of, period, query, words
from telemetry.foundation.api.schema_parts import named_id, problems
from telemetry.foundation.api.time_limits import bounded_reading
from telemetry.foundation.core.fields import identifier
from telemetry.models import AttributionShare, Decision, DecisionOutcome
from telemetry.models.traced import TRACE

FILTERS: Filters = {
    **PATTERN,
    "version": number_from("version", "answered from this version"),
    "mode": one_of("mode", ("off", "shadow", "on"), "how the module was served"),
    "reason": words("reason", "such as COMBINED, NO_MATCH or STALE", longest=20),
    **period("at", "by `at`, the time the levers were asked for (not that of the answer, which the id holds)"),
}


@extend_schema_view(get=list_schema("list_decisions", "Answers given, newest first", DecisionBrief, FILTERS))
class DecisionsView(ListView):
    """List the decisions that were served, newest first."""

    required_permission: str | Mapping[str, str] = "telemetry.view_decision"
    own_rows = DECISIONS
    filters = FILTERS
    order = {"decision_id": identifier}
    rows = Decision.objects.only(*DecisionBrief.Meta.fields, *TRACE)
    document = DecisionBrief


class DecisionView(APIView):
    """Return one decision with its outcomes and attribution shares."""

    required_permission = "telemetry.view_decision"
    own_rows = DECISIONS

    @extend_schema(
        operation_id="get_decision",
        summary="One answer, with its outcome and shares",
        description="A decision is written about a second after its answer.",
        parameters=[named_id("decision_id", OpenApiTypes.UUID, "as the answer said")],
        responses={200: WholeDecisionFact, **problems(400, 404, 503)},
    )
    def get(self, request: Request, decision_id: str) -> Response:
        query(request).close()
        with bounded_reading():
            decision = self.own_rows.of(Decision.objects.all(), request).filter(pk=decision_id).first()
            if decision is None:
                missing = f"no decision {decision_id} is stored yet; GET /api/v1/decisions/ lists those that are"
                raise NotFound(retired_by(UUID(decision_id)) or missing)
            earned = AttributionShare.objects.filter(decision_id=decision_id).select_related("attribution__trade")
            outcomes = DecisionOutcome.objects.filter(decision_id=decision_id).select_related("trade")
            decision.shares, decision.outcomes = earned.order_by("id"), outcomes.order_by("id")  # type: ignore[attr-defined]  # only shown
            return Response(WholeDecisionFact(decision).data)
