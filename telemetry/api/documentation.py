"""What the schema says about bodies and problems. These classes describe; the strict readers in core decide."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from telemetry.core.fields import LARGEST
from telemetry.core.trades import LAST_REVISION, MOST_ACTIONS
from telemetry.core.vocabulary import PATTERN_KEY, ActionCategory, Module
from telemetry.record import Status

MODULES = [module.value for module in Module]
BUCKET = "^(none|small|medium|large)$"
CATEGORIES = [category.value for category in ActionCategory]


def named_id(name: str, kind: Any, says: str) -> OpenApiParameter:
    """What an address names a thing by."""
    return OpenApiParameter(name, kind, OpenApiParameter.PATH, description=says)


def pattern_key() -> serializers.RegexField:
    return serializers.RegexField(f"^{PATTERN_KEY}$", help_text="`family.state.motif`")


def words(longest: int, says: str = "", *, required: bool = False) -> serializers.CharField:
    """Text as `telemetry.core.fields.text` reads it."""
    return serializers.CharField(
        min_length=1, max_length=longest, required=required, allow_null=not required, help_text=says or None
    )


def number(
    says: str = "", *, low: float = -LARGEST, high: float = LARGEST, required: bool = False
) -> serializers.FloatField:
    """A number as `telemetry.core.fields.finite` reads it."""
    return serializers.FloatField(
        min_value=low, max_value=high, required=required, allow_null=not required, help_text=says or None
    )


class RefusalSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="JSON path, e.g. `[3].actions[1].rr_after`; empty: the value itself")
    message = serializers.CharField(help_text="what is wrong, and the way out")


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457 problem details."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="what is wrong, and the way out")
    errors = RefusalSerializer(many=True, required=False)  # type: ignore[assignment]  # a declared field


def problems(*statuses: int) -> dict[tuple[int, str], OpenApiResponse]:
    """The problem responses of an operation, beside those that every operation may give."""
    words = {
        400: "The request cannot be used; `errors` names each field.",
        401: "No live key was sent.",
        403: "The key's role does not allow it.",
        404: "There is no such thing.",
        406: "Something else than JSON was asked for.",
        408: "The body stopped coming before its end.",
        409: "The same request is being worked on.",
        411: "The length of the body is not told.",
        413: "The body is too large.",
        415: "The body is not plain `application/json`.",
        422: "The Idempotency-Key was used for another request.",
        429: "The key has used up its requests; `Retry-After` says when there are more.",
        503: "The database is away or was too slow; `detail` says what helps.",
    }
    return {
        (status, "application/problem+json"): OpenApiResponse(ProblemSerializer, words[status])
        for status in sorted({401, 403, 406, 429, *statuses})
    }


class ActionSerializer(serializers.Serializer[Any]):
    module = serializers.ChoiceField(MODULES)
    pattern_key = pattern_key()
    action_category = serializers.ChoiceField(CATEGORIES, help_text="dm: allocation; pm: the others")
    at = serializers.DateTimeField(help_text="with its offset, not after the close")
    scope = serializers.DictField(
        child=serializers.CharField(), required=False, allow_null=True, help_text="dimension → value"
    )
    fraction = number("part of the position, above 0 and at most 1", low=0)
    leg_rr = number("outcome of the part that an add added")
    rr_after = number("trim, exit: what the part sold would have earned had it stayed")
    decision_ids = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        allow_null=True,
        max_length=10,
        help_text="the answers it was taken with",
    )
    controls = serializers.DictField(
        required=False, allow_null=True, help_text="what the bot was set to; kept, not learned from"
    )
    counterfactuals = serializers.DictField(
        required=False, allow_null=True, help_text="lever → alternative → change of rr"
    )
    cf_entry_improvement_bucket = serializers.RegexField(BUCKET, required=False, allow_null=True)
    cf_exit_improvement_bucket = serializers.RegexField(BUCKET, required=False, allow_null=True)


class TradeSerializer(serializers.Serializer[Any]):
    """A closed trade. A correction is the same external_id with `revision` + 1 and a reason."""

    external_id = words(200, "the bot's own name for it", required=True)
    revision = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=LAST_REVISION, default=1
    )
    correction_reason = words(2000, "needed from revision 2 on, and only then")
    book = serializers.RegexField(
        "^[a-z0-9_-]{1,40}$", required=False, allow_null=True, default="paper", help_text="such as paper, live"
    )
    source = words(200, "which bot or file it came from")  # type: ignore[assignment]  # a declared field
    symbol = words(60, required=True)
    side = serializers.ChoiceField(["long", "short"], required=False, allow_null=True)
    timeframe = words(40)
    cluster_id = words(200, "trades of one cluster count once")
    opened_at = serializers.DateTimeField(help_text="with its offset")
    closed_at = serializers.DateTimeField(help_text="with its offset, not in the future")
    rr = number("realized outcome per unit of risk and per unit of size", required=True)
    excluded_reason = words(2000, "keeps the trade out of learning")
    actions = serializers.ListField(child=ActionSerializer(), min_length=1, max_length=MOST_ACTIONS)


class ReceiptSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="position in the list that was sent")
    external_id = serializers.CharField(allow_null=True)
    revision = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField([status.value for status in Status])
    errors = RefusalSerializer(many=True)  # type: ignore[assignment]  # a declared field


class ReceiptsSerializer(serializers.Serializer[Any]):
    results = ReceiptSerializer(many=True)


EXAMPLE_TRADE = {
    "external_id": "bot-1:8812",
    "symbol": "BTC/USDT",
    "side": "long",
    "opened_at": "2024-05-01T10:00:00Z",
    "closed_at": "2024-05-02T04:00:00Z",
    "rr": 1.35,
    "actions": [
        {
            "module": "pm",
            "pattern_key": "donchian.long.breakout",
            "action_category": "entry",
            "at": "2024-05-01T10:00:00Z",
            "scope": {"macro_phase": "Good", "timeframe": "4h"},
            "decision_ids": ["018f3c1e-7b2a-7c3d-8e4f-5a6b7c8d9e0f"],
        }
    ],
}
EXAMPLE_EXCLUDED = EXAMPLE_TRADE | {"external_id": "bot-1:8813", "rr": 1.2, "excluded_reason": "the fee is unknown"}


def sent(name: str, value: object, says: str = "") -> OpenApiExample:
    """An example of a body; a test sends it."""
    return OpenApiExample(name, value, request_only=True, description=says)
