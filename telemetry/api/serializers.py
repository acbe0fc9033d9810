"""Serializers of the facts: what the read endpoints return and what the OpenAPI schema documents."""

from __future__ import annotations

from rest_framework import serializers

from telemetry.api.pattern_fields import ScopeField
from telemetry.models import (
    Action,
    Attribution,
    AttributionShare,
    Decision,
    DecisionOutcome,
    Outcome,
    Trade,
)


class ActionFact(serializers.ModelSerializer[Action]):
    """One action of a trade."""

    scope = ScopeField()
    decision_ids = serializers.ListField(child=serializers.UUIDField())
    applied = serializers.DictField(
        child=serializers.FloatField(), allow_null=True, help_text="lever → value used; null: as served"
    )
    controls = serializers.DictField()
    counterfactuals = serializers.DictField(help_text="lever → alternative → change of rr")
    buckets = serializers.DictField(child=serializers.CharField())
    replays = serializers.DictField(help_text="lever → arm → rr of the trade had it been taken")
    taken_arms = serializers.DictField(child=serializers.CharField(), help_text="lever → the arm that was taken")

    class Meta:
        model = Action
        fields = (
            "index", "module", "pattern_key", "action_category", "at", "scope", "fraction", "leg_rr", "rr_after",
            "known_at", "decision_ids", "applied", "controls", "counterfactuals", "buckets", "replays",
            "taken_arms",
        )  # fmt: skip


class TradeFact(serializers.ModelSerializer[Trade]):
    """The current revision of a closed trade, with its actions."""

    actions = ActionFact(many=True)

    class Meta:
        model = Trade
        fields = (
            "external_id", "revision", "correction_reason", "book", "source", "symbol", "side", "timeframe",
            "cluster_id", "entry_id", "superseded_by", "opened_at", "closed_at", "rr", "excluded_reason", "recorded_at",
            "actions",
        )  # fmt: skip


class OutcomeFact(serializers.ModelSerializer[Outcome]):
    """The outcome that one action is judged by: the trade's rr; for a trim or an exit, what followed the action.

    Its scope is the one that was asked, where the action names a decision that was made for it.
    """

    external_id = serializers.CharField(source="trade.external_id")
    scope = ScopeField()

    class Meta:
        model = Outcome
        fields = (
            "external_id", "action_index", "module", "pattern_key", "action_category", "book", "cluster_id", "scope",
            "rr", "closed_at", "known_at",
        )  # fmt: skip


class RevisionFact(serializers.ModelSerializer[Trade]):
    """One revision of a trade."""

    class Meta:
        model = Trade
        fields = ("revision", "correction_reason", "rr", "closed_at", "excluded_reason", "recorded_at", "is_current")


class ShareFact(serializers.ModelSerializer[AttributionShare]):
    """The R per unit of size that one override earned in a trade through one lever."""

    override_id = serializers.CharField(help_text="the override; or prior, coefficients, cap")

    class Meta:
        model = AttributionShare
        fields = ("decision_id", "lever", "override_id", "line_id", "part", "share")


class TradeShareFact(ShareFact):
    """An attribution share as listed under its decision, with the trade's external id."""

    external_id = serializers.CharField(source="attribution.trade.external_id")

    class Meta(ShareFact.Meta):
        fields = (*ShareFact.Meta.fields, "external_id")  # type: ignore[assignment]  # longer on purpose


class AttributionFact(serializers.ModelSerializer[Attribution]):
    """The attribution of one trade, in R: total = sum of the shares + carried + residual."""

    shares = ShareFact(many=True)

    class Meta:
        model = Attribution
        fields = ("rr", "total", "carried", "residual", "attributed_at", "shares")


class DecisionOutcomeFact(serializers.ModelSerializer[DecisionOutcome]):
    """The realized rr of a trade, listed under a decision that the trade names."""

    external_id = serializers.CharField(source="trade.external_id")
    unattributed = serializers.CharField(help_text="why no share was given; empty: shares exist")

    class Meta:
        model = DecisionOutcome
        fields = ("decision_id", "external_id", "action_index", "rr", "unattributed", "misfit")


class WholeTradeFact(TradeFact):
    """A closed trade with its revisions, outcomes, decisions and attribution."""

    revisions = RevisionFact(many=True)
    outcomes = OutcomeFact(many=True)
    decisions = DecisionOutcomeFact(many=True, source="decision_outcomes")
    attribution = AttributionFact(allow_null=True, help_text="null: not attributed (yet)")

    class Meta(TradeFact.Meta):
        fields = (  # type: ignore[assignment]  # longer on purpose
            *TradeFact.Meta.fields, "revisions", "outcomes", "decisions", "attribution",
        )  # fmt: skip


class DecisionBrief(serializers.ModelSerializer[Decision]):
    """A served decision: its pattern and scope, its version, and the levers as served."""

    scope = ScopeField()
    flags = serializers.ListField(child=serializers.CharField())
    levers = serializers.SerializerMethodField(help_text="lever → value served")

    class Meta:
        model = Decision
        fields: tuple[str, ...] = (
            "decision_id", "module", "pattern_key", "action_category", "scope", "at", "version", "challenger_version",
            "combiner", "mode", "reason", "flags", "levers",
        )  # fmt: skip

    def get_levers(self, decision: Decision) -> dict[str, float]:
        return {name: lever["served"] for name, lever in decision.levers.items()}


class WholeDecisionFact(DecisionBrief):
    """A decision with everything that replaying it needs, its outcomes and its attribution shares."""

    request = serializers.DictField(help_text="current levers, roll-out key and base allocation, as asked")
    lever_detail = serializers.DictField(source="levers", help_text="lever → target, step and bounds, unrounded")
    contributions = serializers.ListField(child=serializers.DictField())
    excluded = serializers.ListField(child=serializers.DictField())
    challenger = serializers.DictField(allow_null=True, help_text="what the challenger version would have answered")
    effect = serializers.DictField(help_text="lever → attribution parts, unrounded")
    multipliers = serializers.DictField(
        allow_null=True, help_text="coefficients of the scope's values, their product and its ln, what the cap cuts"
    )
    outcomes = DecisionOutcomeFact(many=True)
    shares = TradeShareFact(many=True)

    class Meta(DecisionBrief.Meta):
        fields = (
            *DecisionBrief.Meta.fields, "request", "lever_detail", "contributions", "excluded", "challenger", "effect",
            "multipliers", "numeric_build", "format", "latency_us", "outcomes", "shares",
        )  # fmt: skip
