"""OpenAPI description of questions, answers and versions. These classes only document; the strict parsers validate."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer
from rest_framework import serializers

from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.vocabulary import Flag, Reason
from overrides.core.engine.weights import SYMBOLS
from overrides.serving.resolve_request import LONGEST_KEY
from telemetry.api.pattern_fields import CATEGORIES, MODULES, pattern_key
from telemetry.core.vocabulary import DM_PATTERN_KEY
from telemetry.foundation.api.schema_parts import ProblemSerializer, RefusalSerializer, number, words

EXPLAIN = OpenApiParameter(
    "explain",
    str,
    enum=("none", "summary", "full"),
    default="summary",
    description="none: levers and identity; summary: who moved them; full: every factor",
)
DURABLE = OpenApiParameter(
    "durable",
    bool,
    default=False,
    description="wait up to half a second until the decision is written, instead of writing it within a second",
)

DRY_RUN = OpenApiParameter(
    "dry",
    bool,
    default=False,
    description="answer without a decision: nothing is logged, `decision_id` is null, and no trade can name the answer",
)


class QuestionSerializer(serializers.Serializer[Any]):
    """A question for the levers of one action that is about to be taken."""

    module = serializers.ChoiceField(MODULES)
    pattern_key = pattern_key()
    action_category = serializers.ChoiceField(CATEGORIES, help_text="dm: allocation; pm: the others")
    scope = serializers.DictField(
        child=serializers.CharField(), required=False, allow_null=True, help_text="dimension → value"
    )
    at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="as of when, with its offset; now if left out"
    )
    current = serializers.DictField(
        child=serializers.FloatField(),
        required=False,
        allow_null=True,
        help_text="lever → its value now, neutral if left out; levers: " + ", ".join(LEVERS),
    )
    rollout_key = words(
        LONGEST_KEY, "decides who is in a partial roll-out; the same key is always answered alike in it"
    )
    position_key = words(
        LONGEST_KEY,
        "names the position before its order, the same in every question about it: allocation, entry, adds and exits; "
        "decides which positions a holdback answers neutral, and which levers are explored in it; without it the "
        "question is served and left out of what is compared",
    )
    base_allocation = number("dm: what the levers multiply", low=0)
    coefficient_product = number("pm: what dm answered for the position; the cap looks at it", low=0.5, high=2)
    alloc_mult = number("pm: what dm answered for the position; the cap looks at it", low=0.7, high=1.3)
    book = serializers.RegexField(
        "^[a-z0-9_-]{1,40}$",
        required=False,
        allow_null=True,
        help_text="the book of the action, such as paper; only a trade of that book may then name the answer; it moves "
        "no lever",
    )


class ContributionSerializer(serializers.Serializer[Any]):
    """What one override contributed.

    Its parts are distances from neutral that add up; `full` adds the weight factors.
    """

    id = serializers.CharField()
    line = serializers.CharField()
    w_total = serializers.FloatField(allow_null=True, help_text="null under combiners that do not weigh")
    parts = serializers.DictField(child=serializers.FloatField())

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return super().get_fields() | {
            symbol: serializers.FloatField(required=False, allow_null=True) for symbol in SYMBOLS
        }


class ExcludedSerializer(serializers.Serializer[Any]):
    """A matching override that was excluded, and the reason."""

    id = serializers.CharField()
    reason = serializers.CharField(help_text="BELOW_FLOOR or STALE")


class ExploredSerializer(serializers.Serializer[Any]):
    """One explored lever of a position; the trade brings `replays` of both values, and `taken_arms`."""

    arm = serializers.ChoiceField(["served", "alternative"], help_text="which of the two values `levers` holds")
    served = serializers.FloatField()
    alternative = serializers.FloatField()
    probability = serializers.FloatField(help_text="of the alternative")


class AnswerSerializer(serializers.Serializer[Any]):
    """The levers to use: always complete, and neutral, with the reason, wherever something is missing or fails."""

    decision_id = serializers.UUIDField(
        allow_null=True,
        help_text="send it with the trade, so that what the levers earned is known; null only under dry=true",
    )
    levers = serializers.DictField(child=serializers.FloatField(), help_text="every lever of the module and category")
    version = serializers.IntegerField(allow_null=True)
    evaluated_at = serializers.DateTimeField()
    combiner = serializers.CharField()
    mode = serializers.CharField(help_text="off, shadow or on")
    reason = serializers.ChoiceField([each.value for each in Reason])
    flags = serializers.ListField(child=serializers.ChoiceField([each.value for each in Flag]))
    arms = serializers.DictField(
        child=ExploredSerializer(), required=False, help_text="lever → what is explored of it; only where something is"
    )
    contributions = ContributionSerializer(many=True, required=False)
    excluded = ExcludedSerializer(many=True, required=False)
    lever_detail = serializers.DictField(required=False, help_text="explain=full: target, step and bounds per lever")
    coefficient_product = serializers.FloatField(
        required=False,
        help_text="dm: the version's weights of the scope's values, multiplied; 1 where neutral is served",
    )
    alloc_mult = serializers.FloatField(required=False, help_text="dm")
    allocation = serializers.FloatField(
        required=False, help_text="dm, where a base was given: coefficient_product and alloc_mult times the base"
    )
    multipliers = serializers.DictField(
        required=False, help_text="explain=full: weights, product and its ln, the cap, ln of what the cap cuts"
    )
    durable = serializers.BooleanField(
        required=False, help_text="durable=true: whether the decision is written; if not, it is written later"
    )
    dry = serializers.BooleanField(required=False, help_text="dry=true: the answer was not logged; always true")


class PointedRefusalSerializer(RefusalSerializer):
    """One refused field of an item of a list, with its place in the body."""

    pointer = serializers.CharField(help_text="JSON pointer (RFC 6901) into the body, e.g. `/3/scope/bucket`")


class ListedProblemSerializer(ProblemSerializer):
    """What stands in a list in place of the answer to a question that could not be read."""

    errors = PointedRefusalSerializer(many=True)


LISTED = PolymorphicProxySerializer(
    component_name="ListedAnswer",
    serializers=[AnswerSerializer, ListedProblemSerializer],
    resource_type_field_name=None,
    many=True,
)


class VersionSerializer(serializers.Serializer[Any]):
    """A published version; it never changes."""

    id = serializers.IntegerField()
    module = serializers.ChoiceField(MODULES)
    number = serializers.IntegerField()
    kind = serializers.CharField()
    n_overrides = serializers.IntegerField()
    content_hash = serializers.CharField()
    published_at = serializers.DateTimeField()
    published_by = serializers.CharField()
    parameters = serializers.DictField(help_text="channels with policy, combiner and weights; lessons; dimensions")
    document = serializers.DictField(
        help_text="alloc_overrides (dm) or pattern_strength_overrides and pattern_overrides (pm), override_stats, "
        "coefficients"
    )


EXAMPLE_ENTRY = {
    "module": "pm",
    "pattern_key": "donchian.long.breakout",
    "action_category": "entry",
    "scope": {"macro_phase": "Good", "timeframe": "4h"},
    "current": {"size_mult": 1.02},
    "rollout_key": "bot-7 BTC/USDT 2026-11-27T00:00Z",
    "position_key": "bot-7 BTC/USDT 2026-11-27T00:00Z",
}
EXAMPLE_ALLOCATION = {
    "module": "dm",
    "pattern_key": DM_PATTERN_KEY,
    "action_category": "allocation",
    "scope": {"bucket": "micro"},
    "base_allocation": 250.0,
}
