"""`/api/v1/trades/`: record closed trades, with one receipt each, and list the recorded ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from telemetry.api.batches import payloads_of, refused_receipt
from telemetry.api.own_rows import TRADES
from telemetry.api.pattern_fields import PATTERN
from telemetry.api.serializers import TradeFact
from telemetry.api.trade_schema import EXAMPLE_EXCLUDED, EXAMPLE_TRADE, ReceiptsSerializer, TradeSerializer
from telemetry.core.trades import Trade, parse_trade
from telemetry.foundation.api.idempotency import IDEMPOTENCY_KEY, idempotent
from telemetry.foundation.api.list_view import ListView, list_schema
from telemetry.foundation.api.query_parameters import Filter, Filters, narrowed, period, query, truth, words
from telemetry.foundation.api.schema_parts import problems, sent
from telemetry.foundation.api.time_limits import write_time_limit
from telemetry.foundation.core.fields import identifier, parse_moment
from telemetry.foundation.core.refusal import Refusal, Refused, join, refusals_as_json
from telemetry.foundation.outbox import send_later
from telemetry.models import Action, DecisionOutcome
from telemetry.models import Trade as TradeRow
from telemetry.recording.record_trades import Receipt, record_trades
from telemetry.recording.revisions import Status

MOST_TRADES = 1000
BATCHING_DELAY = timedelta(seconds=5)  # trades that arrive within it are processed by one task
OF_TRADES: Filters = {
    "book": words("book", "such as paper or live", longest=40),
    "symbol": words("symbol", "as it was recorded", longest=60),
    "is_excluded": Filter(truth, "is_excluded", "kept out of learning", type=OpenApiTypes.BOOL),
    "names_wrongly": Filter(
        truth, "names_wrongly", "names a decision that is unknown or does not fit", type=OpenApiTypes.BOOL
    ),
    **period("closed_at", "closed at"),
}
FILTERS: Filters = {**PATTERN, **OF_TRADES}


@extend_schema_view(
    get=list_schema(
        "list_trades",
        "Recorded trades as they stand, last closed first",
        TradeFact,
        FILTERS,
        "Module, pattern_key and action_category select trades that have such an action.",
    )
)
class TradesView(ListView):
    """List recorded trades; record submitted trades and return one receipt per trade."""

    required_permission = {"GET": "telemetry.view_trade", "POST": "telemetry.add_trade"}
    own_rows = TRADES
    filters = FILTERS
    order = {"closed_at": parse_moment, "id": identifier}
    rows = TradeRow.objects.filter(is_current=True).prefetch_related("actions")
    document = TradeFact

    def selected(self, chosen: Mapping[str, Any], **path: Any) -> QuerySet[TradeRow]:
        of_trades = {name: value for name, value in chosen.items() if name in OF_TRADES}
        misnamed = DecisionOutcome.objects.filter(trade=OuterRef("pk")).exclude(misfit="")
        trades = self.rows.annotate(is_excluded=~Q(excluded_reason=""), names_wrongly=Exists(misnamed))
        trades = narrowed(trades, OF_TRADES, of_trades)
        of_actions = {name: value for name, value in chosen.items() if name in PATTERN}
        if not of_actions:
            return trades
        return trades.filter(Exists(narrowed(Action.objects.filter(trade=OuterRef("pk")), PATTERN, of_actions)))

    @extend_schema(
        operation_id="record_trades",
        summary="Record closed trades",
        description=(
            "One trade or a list of up to 1,000. Safe to repeat: the same body again is `unchanged`, another body "
            "under a recorded revision is `refused`. Good trades are recorded even where others are refused, so read "
            "`results`. Each receipt lists the decisions that its trade names and which of them do not fit it."
        ),
        parameters=[IDEMPOTENCY_KEY],
        request=PolymorphicProxySerializer(
            component_name="TradeOrTrades",
            serializers=[TradeSerializer, TradeSerializer(many=True)],
            resource_type_field_name=None,
            many=False,
        ),
        examples=[
            sent("One trade", EXAMPLE_TRADE),
            sent("Two trades", [EXAMPLE_TRADE, EXAMPLE_EXCLUDED], "The second is kept and not learned from."),
        ],
        responses={200: ReceiptsSerializer, **problems(400, 408, 409, 411, 413, 415, 422, 503)},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        query(request).close()
        now = datetime.now(UTC)
        payloads = payloads_of(request.data, "trade", MOST_TRADES)
        readings = [_read(payload, place, now) for place, payload in payloads]

        receipts = iter(_record([each for each in readings if isinstance(each, Trade)], now, request.auth))

        results = []
        for index, ((place, payload), reading) in enumerate(zip(payloads, readings, strict=True)):
            if isinstance(reading, Refused):
                receipt = refused_receipt(payload, place, reading, "external_id")
                results.append({"index": index, **receipt, "decisions": []})
            else:
                results.append({"index": index} | _received(next(receipts), place))
        return Response({"results": results})


def _read(payload: object, place: str, now: datetime) -> Trade | Refused:
    try:
        return parse_trade(payload, now=now, field=place)
    except Refused as refused:
        return refused


def _record(trades: list[Trade], now: datetime, key: Any) -> list[Receipt]:
    """Record the trades and enqueue the tasks that process new ones; without them the beat would, minutes later."""
    with write_time_limit():
        receipts = record_trades(trades, now=now, key=key.prefix)
        if any(receipt.status in (Status.NEW, Status.CORRECTED) for receipt in receipts):
            for task, arguments in settings.TASKS_AFTER_TRADES:
                send_later(task, arguments, now=now, wait=BATCHING_DELAY)
    return receipts


def _received(receipt: Receipt, place: str) -> dict[str, Any]:
    return {
        "external_id": receipt.external_id,
        "revision": receipt.revision,
        "status": receipt.status.value,
        "errors": refusals_as_json([Refusal(join(place, each.field), each.message) for each in receipt.refusals]),
        "decisions": [
            {"id": each.id, "status": each.status.value, "reason": each.reason} for each in receipt.decisions
        ],
    }
