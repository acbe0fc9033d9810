"""`GET /api/v1/earned/`: what the levers earned as a whole, per module and book, and what the holdback shows."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from overrides.core.monitoring.days.day_sequence import Interval
from overrides.core.monitoring.earning.earned import Verdict
from overrides.core.monitoring.earning.holdback_effect import Check, HoldbackEffect
from overrides.monitoring.earning.earned import LEFT_OUT, Earned, earned_by_book
from overrides.monitoring.earning.holdback import holdback_contrast
from telemetry.foundation.api.etags import tagged
from telemetry.foundation.api.query_parameters import query
from telemetry.foundation.api.schema_parts import problems
from telemetry.foundation.api.time_limits import bounded_reading


class IntervalSerializer(serializers.Serializer[Any]):
    """A mean in R per position with the ends of its interval, which holds at every look."""

    mean = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class EarnedSerializer(serializers.Serializer[Any]):
    """What was earned over the closed positions of a module (null: all) in a book (null: all but backtests)."""

    module = serializers.CharField(allow_null=True)
    book = serializers.CharField(allow_null=True)
    first_day = serializers.DateField(allow_null=True)
    last_day = serializers.DateField(allow_null=True)
    days = serializers.IntegerField()
    positions = serializers.IntegerField()
    moved = serializers.IntegerField(help_text="positions of which a size was moved")
    total = serializers.FloatField(allow_null=True, help_text="R in all; null below 30 days")
    interval = IntervalSerializer(allow_null=True, help_text="null below 30 days with closed positions")
    exposure_neutral = IntervalSerializer(allow_null=True, help_text="by sizing differently from the mean exposure")
    verdict = serializers.ChoiceField([each.value for each in Verdict])
    further_days = serializers.IntegerField(
        allow_null=True,
        help_text="days with closed positions until a mean of this size is shown, or an interval exists",
    )
    left_out = serializers.DictField(child=serializers.IntegerField(), help_text="closed trades not counted, by reason")
    adds_without_leg = serializers.IntegerField(help_text="positions with one: its size counts as unmoved")
    unknown_decision = serializers.IntegerField(
        help_text="positions with an allocation, entry or add whose decision is not stored: its size counts as unmoved"
    )
    unfit_decision = serializers.IntegerField(
        help_text="the same where the decision was not made for the action, or counts for another trade"
    )
    computed_at = serializers.DateTimeField(allow_null=True)


class HoldbackSerializer(serializers.Serializer[Any]):
    """The contrast of served and held-back positions, in R per position; nulls while there are too few."""

    positions = serializers.IntegerField()
    served = serializers.IntegerField()
    held_back = serializers.IntegerField()
    expected_held_back = serializers.FloatField()
    days = serializers.IntegerField()
    whole = IntervalSerializer(allow_null=True, help_text="what serving earned more than holding back")
    unseen = IntervalSerializer(allow_null=True, help_text="the part of it that the replay of sizes cannot see")
    verdict = serializers.ChoiceField([each.value for each in Verdict])
    check = serializers.ChoiceField([each.value for each in Check])
    months_needed = serializers.FloatField(
        allow_null=True, help_text="until an effect of the size that the replay shows could be told; null: not known"
    )


class EarnedListSerializer(serializers.Serializer[Any]):
    """All modules and books, all of both first, and the holdback; `holdback` is null if it drew no closed position."""

    results = EarnedSerializer(many=True)
    holdback = HoldbackSerializer(allow_null=True)


class EarnedView(APIView):
    """Return what the levers earned."""

    required_permission = "telemetry.view_outcome"

    @extend_schema(
        operation_id="list_earned",
        summary="What the levers earned as a whole",
        description=(
            "By exact replay of the size of every closed position, per module and book, up to yesterday. Send the ETag "
            "as If-None-Match: while nothing changed the answer is 304."
        ),
        responses={200: EarnedListSerializer, 304: OpenApiResponse(description="Unchanged."), **problems(400, 503)},
    )
    def get(self, request: Request) -> HttpResponseBase:
        query(request).close()
        with bounded_reading():
            found, contrast = earned_by_book(), holdback_contrast()
        replayed = next((each.interval for each in found if each.module is None and each.book is None), None)
        holdback = None if contrast is None else _holdback(contrast, replayed)
        return tagged(request, {"results": [_document(each) for each in found], "holdback": holdback})


def _document(each: Earned) -> dict[str, Any]:
    interval = each.interval
    return {
        "module": each.module,
        "book": each.book,
        "first_day": each.first,
        "last_day": each.last,
        "days": each.days,
        "positions": each.trades,
        "moved": each.moved,
        "total": None if interval is None else each.total,
        "interval": interval_document(interval),
        "exposure_neutral": interval_document(each.exposure_neutral),
        "verdict": each.verdict.value,
        "further_days": each.further_days,
        "left_out": {name: each.left_out[name] for name in LEFT_OUT},
        "adds_without_leg": each.unmoved["without_leg"],
        "unknown_decision": each.unmoved["unknown_decision"],
        "unfit_decision": each.unmoved["unfit_decision"],
        "computed_at": each.computed_at,
    }


def _holdback(found: HoldbackEffect, replayed: Interval | None) -> dict[str, Any]:
    is_shown = replayed is not None and (replayed.is_above_zero or replayed.is_below_zero)
    return {
        "positions": found.whole.trades,
        "served": found.served,
        "held_back": found.held_back,
        "expected_held_back": found.expected_held_back,
        "days": found.whole.days,
        "whole": interval_document(found.whole.interval()) if found.is_enough else None,
        "unseen": interval_document(found.unseen.interval()) if found.is_enough else None,
        "verdict": found.verdict.value,
        "check": found.check.value,
        "months_needed": found.months_needed(replayed.mean) if replayed is not None and is_shown else None,
    }


def interval_document(interval: Interval | None) -> dict[str, float] | None:
    """Return an interval as JSON values; None where there are too few days for one."""
    return None if interval is None else {"mean": interval.mean, "low": interval.low, "high": interval.high}
