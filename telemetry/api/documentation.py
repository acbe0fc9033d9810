"""What the schema says about bodies and problems. These classes describe; the strict readers in core decide."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from telemetry.core.vocabulary import ActionCategory, Module
from telemetry.record import Status

MODULES = [module.value for module in Module]
CATEGORIES = [category.value for category in ActionCategory]


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
    pattern_key = serializers.CharField(help_text="`family.state.motif`")
    action_category = serializers.ChoiceField(CATEGORIES, help_text="dm: allocation; pm: the others")
    at = serializers.DateTimeField()
    scope = serializers.DictField(child=serializers.CharField(), required=False, help_text="dimension → value")
    fraction = serializers.FloatField(required=False, help_text="part of the position, above 0 and at most 1")
    leg_rr = serializers.FloatField(required=False)
    rr_after = serializers.FloatField(
        required=False, help_text="trim, exit: what the part sold would have earned had it stayed"
    )
    decision_ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=10)
    controls = serializers.DictField(required=False)
    counterfactuals = serializers.DictField(required=False, help_text="lever → alternative → change of rr")
    cf_entry_improvement_bucket = serializers.CharField(required=False, help_text="none, small, medium or large")
    cf_exit_improvement_bucket = serializers.CharField(required=False, help_text="none, small, medium or large")


class TradeSerializer(serializers.Serializer[Any]):
    """A closed trade. A correction is the same external_id with `revision` + 1 and a reason."""

    external_id = serializers.CharField(max_length=200)
    revision = serializers.IntegerField(required=False, min_value=1, default=1)
    correction_reason = serializers.CharField(required=False, help_text="needed from revision 2 on")
    book = serializers.CharField(required=False, default="paper")
    source = serializers.CharField(required=False, max_length=200)  # type: ignore[assignment]  # a declared field
    symbol = serializers.CharField(max_length=60)
    side = serializers.CharField(required=False, help_text="long or short")
    timeframe = serializers.CharField(required=False, max_length=40)
    cluster_id = serializers.CharField(required=False, help_text="trades of one cluster count once")
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField()
    rr = serializers.FloatField(help_text="realized outcome per unit of risk and per unit of size")
    excluded_reason = serializers.CharField(required=False, help_text="keeps the trade out of learning")
    actions = ActionSerializer(many=True)


class ReceiptSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="position in the list that was sent")
    external_id = serializers.CharField(allow_null=True)
    revision = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField([status.value for status in Status])
    errors = RefusalSerializer(many=True)  # type: ignore[assignment]  # a declared field


class ReceiptsSerializer(serializers.Serializer[Any]):
    results = ReceiptSerializer(many=True)
