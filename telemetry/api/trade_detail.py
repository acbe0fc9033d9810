"""`GET /api/v1/trades/{external_id}/`: one trade, its revisions, and what the levers of its decisions earned."""

from __future__ import annotations

from django.db.models import Prefetch
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from telemetry.api.own_rows import TRADES
from telemetry.api.serializers import WholeTradeFact
from telemetry.foundation.api.query_parameters import query
from telemetry.foundation.api.schema_parts import named_id, problems
from telemetry.foundation.api.time_limits import bounded_reading
from telemetry.foundation.core.fields import text
from telemetry.foundation.core.refusal import Refused
from telemetry.models import DecisionOutcome, Outcome, Trade

RELATED = (
    "actions",
    "attribution__shares",
    Prefetch("outcomes", Outcome.objects.select_related("trade").order_by("action_index")),
    Prefetch("decision_outcomes", DecisionOutcome.objects.select_related("trade").order_by("action_index", "id")),
)


class TradeView(APIView):
    """Return one trade with its revisions, actions, outcomes and attribution."""

    required_permission = "telemetry.view_trade"
    own_rows = TRADES

    @extend_schema(
        operation_id="get_trade",
        summary="One trade: revisions, actions, attribution",
        parameters=[named_id("external_id", OpenApiTypes.STR, "the bot's own name for it; it may hold slashes")],
        responses={200: WholeTradeFact, **problems(400, 404, 503)},
    )
    def get(self, request: Request, external_id: str) -> Response:
        query(request).close()
        absent = NotFound("no trade of this external_id is recorded; GET /api/v1/trades/ lists those that are")
        try:
            text(200)(external_id)
        except Refused:  # no trade can have such a name
            raise absent from None
        with bounded_reading():
            seen = self.own_rows.of(Trade.objects.prefetch_related(*RELATED), request)
            trade = seen.filter(external_id=external_id, is_current=True).first()
            if trade is None:
                raise absent
            trade.revisions = Trade.objects.filter(external_id=external_id).order_by("revision")  # type: ignore[attr-defined]  # only shown
            return Response(WholeTradeFact(trade).data)
