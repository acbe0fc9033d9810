"""OpenAPI description of trades and receipts. These classes only document; the strict readers in `core` validate."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from telemetry.api.pattern_fields import CATEGORIES, MODULES, pattern_key
from telemetry.core.trades import LAST_REVISION, MOST_ACTIONS
from telemetry.foundation.api.schema_parts import RefusalSerializer, number, words
from telemetry.recording.record_trades import Fit
from telemetry.recording.revisions import Status

BUCKET = "^(none|small|medium|large)$"


class ActionSerializer(serializers.Serializer[Any]):
    """One action of a trade."""

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
    known_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="when the last of its results (rr_after, counterfactuals, replays) was known, with its offset; not "
        "before `at`, not in the future; without it, the close",
    )
    decision_ids = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        allow_null=True,
        max_length=10,
        help_text="the answers it was taken with: made for this module, pattern and kind of action (and book, if the "
        "question named one), within 24 hours before it, each for one trade",
    )
    applied = serializers.DictField(
        child=serializers.FloatField(),
        required=False,
        allow_null=True,
        help_text="lever → the value that was used where it was not the one served, such as a stake that the exchange "
        "limited; multipliers are above 0",
    )
    controls = serializers.DictField(
        required=False, allow_null=True, help_text="what the bot was set to; kept, not learned from"
    )
    counterfactuals = serializers.DictField(
        required=False, allow_null=True, help_text="lever → alternative → change of rr"
    )
    cf_entry_improvement_bucket = serializers.RegexField(BUCKET, required=False, allow_null=True)
    cf_exit_improvement_bucket = serializers.RegexField(BUCKET, required=False, allow_null=True)
    replays = serializers.DictField(
        required=False,
        allow_null=True,
        help_text="lever → arm → rr of the trade had the lever had that value, the arm that was taken among them; "
        "learned from as changes against that arm",
    )
    taken_arms = serializers.DictField(
        child=serializers.CharField(),
        required=False,
        allow_null=True,
        help_text="lever → the arm that was taken; needed for each lever of replays",
    )


class TradeSerializer(serializers.Serializer[Any]):
    """A closed trade. A correction repeats the external_id with the next `revision` and a reason."""

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
    entry_id = words(200, "the entry as every strategy could take it; counts once where patterns are pooled")
    opened_at = serializers.DateTimeField(help_text="with its offset")
    closed_at = serializers.DateTimeField(help_text="with its offset, not in the future")
    rr = number("realized outcome per unit of risk and per unit of size; needed unless excluded_reason is given")
    excluded_reason = words(2000, "keeps the trade out of learning")
    actions = serializers.ListField(child=ActionSerializer(), min_length=1, max_length=MOST_ACTIONS)


class NamedDecisionSerializer(serializers.Serializer[Any]):
    """A decision that a recorded trade names."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(
        [each.value for each in Fit], help_text="unknown: it may still arrive; misfit: the trade earns nothing by it"
    )
    reason = serializers.CharField(allow_blank=True, help_text="why it is unknown or does not fit; empty if it fits")


class ReceiptSerializer(serializers.Serializer[Any]):
    """What became of one submitted trade."""

    index = serializers.IntegerField(help_text="position in the list that was sent")
    external_id = serializers.CharField(allow_null=True)
    revision = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField([status.value for status in Status])
    errors = RefusalSerializer(many=True)  # type: ignore[assignment]  # a declared field
    decisions = NamedDecisionSerializer(many=True, help_text="those that the trade names, in order; none if refused")


class ReceiptsSerializer(serializers.Serializer[Any]):
    """One receipt per submitted trade, in order."""

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
