"""`GET /api/v1/explored-levers/`: what the alternatives that are or were explored have shown, cost, and still need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from overrides.api.earned import IntervalSerializer, interval_document
from overrides.api.serializers import ArmSerializer
from overrides.core.monitoring.earning.earned import Verdict
from overrides.core.monitoring.exploring.arm_effect import WORTH_KNOWING
from overrides.core.monitoring.scoring.calibration_bins import CalibrationBin
from overrides.monitoring.exploring.arms import ArmEffect, arm_effects
from telemetry.api.pattern_fields import MODULES
from telemetry.foundation.api.etags import tagged
from telemetry.foundation.api.query_parameters import query
from telemetry.foundation.api.schema_parts import problems
from telemetry.foundation.api.time_limits import bounded_reading

VERDICTS: Mapping[Verdict, str] = {
    Verdict.EARNS: "better",
    Verdict.LOSES: "worse",
    Verdict.NOT_SHOWN: "not shown",
    Verdict.TOO_FEW_DAYS: "too few days",
}


class ReplayBinSerializer(serializers.Serializer[Any]):
    """Positions of one arm with similar replays of it: their mean replay, and what came of them, in R."""

    n = serializers.IntegerField()
    predicted = serializers.FloatField(help_text="mean replay of the arm that was drawn")
    realised = serializers.FloatField()
    low = serializers.FloatField(allow_null=True, help_text="of a 95 % interval for one look; null on a single day")
    high = serializers.FloatField(allow_null=True)


class CalibrationSerializer(serializers.Serializer[Any]):
    """How far the replays came true, by the arm that was drawn."""

    alternative = ReplayBinSerializer(many=True)
    served = ReplayBinSerializer(many=True)


class ExploredLeverSerializer(serializers.Serializer[Any]):
    """One alternative of a lever. Effects are the alternative less the served value, in R per position."""

    module = serializers.ChoiceField(MODULES)
    lever = serializers.CharField()
    alternative = serializers.FloatField()
    arm = ArmSerializer(allow_null=True, help_text="what is explored of it now; null: that has ended")
    is_running = serializers.BooleanField(help_text="false where it has ended, or waits for the module to be on")
    spent_this_week = serializers.FloatField(
        help_text="R of rr_per_week since Monday, 00:00 UTC, of all alternatives of the lever"
    )
    most_spent_in_a_week = serializers.FloatField(
        allow_null=True,
        help_text="of the week that spent most; losses beyond rr_per_position count from the close on, so it may be "
        "more than rr_per_week",
    )
    since = serializers.DateTimeField(allow_null=True, help_text="when the first position was drawn")
    drawn = serializers.IntegerField(help_text="positions of the explored share")
    refused = serializers.IntegerField(help_text="of them, those that found the budget spent and were served")
    open = serializers.IntegerField(help_text="of them, those that were admitted and have not closed")
    took_other_than_alternative = serializers.IntegerField(
        help_text="closed, but left out: the alternative was drawn, and the bot took another value"
    )
    took_other_than_served = serializers.IntegerField(
        help_text="closed, but left out: the served value was drawn, and the bot took another value"
    )
    positions = serializers.IntegerField(help_text="closed, and compared")
    alternatives = serializers.IntegerField(help_text="of those compared, with the alternative")
    expected_alternatives = serializers.FloatField()
    is_uneven = serializers.BooleanField(help_text="true: more or fewer than the draw explains; not a valid comparison")
    without_replays = serializers.IntegerField(help_text="of those compared, without a replay of both values")
    days = serializers.IntegerField(help_text="UTC days with closes")
    effect = IntervalSerializer(allow_null=True, help_text="doubly robust, the estimate; null below 30 days")
    effect_as_drawn = IntervalSerializer(
        allow_null=True, help_text="the effect of serving the alternative, with the positions that were left out"
    )
    effect_by_draw = IntervalSerializer(allow_null=True, help_text="by the draw alone, without replays")
    effect_by_replays = IntervalSerializer(allow_null=True, help_text="by the replays alone: nothing vouches for it")
    verdict = serializers.ChoiceField(list(VERDICTS.values()), help_text="of the alternative, by the estimate")
    further_days = serializers.IntegerField(
        allow_null=True,
        help_text="days with closes until a mean of this size is shown, or an interval exists; null: shown, or never",
    )
    further_days_until_known = serializers.IntegerField(
        allow_null=True,
        help_text=f"the same until the effect is known to within {WORTH_KNOWING:g} R; null: no position, or never",
    )
    calibration = CalibrationSerializer()


class ExploredLeversSerializer(serializers.Serializer[Any]):
    """Every alternative that is or was explored, by module, lever and alternative."""

    results = ExploredLeverSerializer(many=True)


class ExploredLeversView(APIView):
    """Return what explored levers have shown."""

    required_permission = "telemetry.view_outcome"

    @extend_schema(
        operation_id="list_explored_levers",
        summary="What reviewed draws have shown of levers that do not scale the outcome",
        description=(
            "By whole UTC days before the last refresh, over all books but backtests; intervals hold at every look. "
            "Send the ETag as If-None-Match: while nothing changed the answer is 304."
        ),
        responses={
            200: ExploredLeversSerializer,
            304: OpenApiResponse(description="Unchanged."),
            **problems(400, 503),
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        query(request).close()
        now = datetime.now(UTC)
        with bounded_reading():
            found = [each for module in MODULES for each in arm_effects(module)]
        return tagged(request, {"results": [_document(each, now) for each in found]})


def _document(each: ArmEffect, now: datetime) -> dict[str, Any]:
    effect = each.effect
    return {
        "module": each.module,
        "lever": each.lever,
        "alternative": each.alternative,
        "arm": None if each.arm is None else each.arm.to_document(),
        "is_running": each.is_running,
        "spent_this_week": each.spent_in_week_of(now),
        "most_spent_in_a_week": each.most_spent,
        "since": each.since,
        "drawn": each.drawn,
        "refused": each.refused,
        "open": each.open,
        "took_other_than_alternative": effect.other_than_alternative,
        "took_other_than_served": effect.other_than_served,
        "positions": effect.positions,
        "alternatives": effect.alternatives,
        "expected_alternatives": effect.expected_alternatives,
        "is_uneven": effect.is_uneven,
        "without_replays": effect.without_replays,
        "days": effect.doubly_robust.days,
        "effect": interval_document(effect.interval),
        "effect_as_drawn": interval_document(effect.as_drawn.interval()),
        "effect_by_draw": interval_document(effect.weighting.interval()),
        "effect_by_replays": interval_document(effect.replayed.interval()),
        "verdict": VERDICTS[effect.verdict],
        "further_days": effect.further_days,
        "further_days_until_known": effect.further_days_for(),
        "calibration": {
            "alternative": _bins(effect.calibration_alternative),
            "served": _bins(effect.calibration_served),
        },
    }


def _bins(bins: Sequence[CalibrationBin]) -> list[dict[str, Any]]:
    return [asdict(each) for each in bins]
