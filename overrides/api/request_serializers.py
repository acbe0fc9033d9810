"""Serializers of change requests: what is sent to draft one, and what is returned."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from overrides.api.serializers import OverrideSerializer
from overrides.core.governance.gates import Gate, Severity
from overrides.core.governance.votes import Standing
from overrides.models import ChangeLine, ChangeRequest, Override, Vote
from overrides.requests.impact.effects import EffectStatus
from overrides.requests.proposal_schema import MOST_LINES, PROPOSABLE
from telemetry.api.pattern_fields import MODULES
from telemetry.foundation.api.schema_parts import words


class ProposedLineSerializer(serializers.Serializer[Any]):
    """One proposed change: either an override to add, or a line to withdraw."""

    override = OverrideSerializer(required=False, allow_null=True)
    withdraw = serializers.RegexField("^[0-9a-f]{64}$", required=False, allow_null=True, help_text="the id of a line")


class ProposalSerializer(serializers.Serializer[Any]):
    """A change request to draft: `lines` for kind lines, `content` for the other kinds."""

    module = serializers.ChoiceField(MODULES)
    kind = serializers.ChoiceField([kind.value for kind in PROPOSABLE])
    title = words(200, required=True)
    reason = words(4000, "a reviewer reads it first", required=True)
    lines = serializers.ListField(
        child=ProposedLineSerializer(), required=False, allow_null=True, min_length=1, max_length=MOST_LINES
    )
    content = serializers.DictField(
        required=False, allow_null=True, help_text="what a request of another kind than lines sets"
    )


class RequestSummary(serializers.ModelSerializer[ChangeRequest]):
    """A change request without its content."""

    class Meta:
        model = ChangeRequest
        fields: tuple[str, ...] = (
            "id", "module", "kind", "state", "health", "title", "reason", "author_name", "base_version",
            "content_hash", "created_at", "submitted_at", "expires_at", "scheduled_for", "closed_at",
        )  # fmt: skip


class VoteSerializer(serializers.ModelSerializer[Vote]):
    """One person's vote on the content with this hash."""

    voter = serializers.CharField(source="voter.username")
    standing = serializers.ChoiceField(
        [each.value for each in Standing], help_text="whether it counts at this moment, and why if it does not"
    )

    class Meta:
        model = Vote
        fields = ("voter", "decision", "standing", "content_hash", "reason", "voted_at")


class ChangeLineSerializer(serializers.ModelSerializer[ChangeLine]):
    """One line that a request changes: the override before and after."""

    line = serializers.CharField(source="line_id")
    before = serializers.SerializerMethodField()
    after = serializers.SerializerMethodField()
    differences = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = ChangeLine
        fields = ("line", "action", "before", "after", "differences")

    @extend_schema_field(OverrideSerializer(allow_null=True))
    def get_before(self, line: ChangeLine) -> dict[str, Any] | None:
        return _document(line.before)

    @extend_schema_field(OverrideSerializer(allow_null=True))
    def get_after(self, line: ChangeLine) -> dict[str, Any] | None:
        return _document(line.after)


class GateSerializer(serializers.Serializer[Gate]):
    """One obstacle to applying the request, as the admin shows it."""

    name = serializers.CharField()
    message = serializers.CharField()
    way_past = serializers.CharField()
    severity = serializers.ChoiceField([severity.value for severity in Severity])
    permission = serializers.CharField(help_text="whose it is to clear; empty where nobody can on this request")


class EffectSerializer(serializers.Serializer[Any]):
    """What the request would have done to the last decisions, with the module taken as on; in percent of exposure."""

    percent = serializers.FloatField(help_text="mean change of exposure over the decisions")
    low = serializers.FloatField(allow_null=True, help_text="low end of the band")
    high = serializers.FloatField(
        allow_null=True,
        help_text="high end of the 90 % prediction band for the mean of the next 14 days; null with fewer than 8 "
        "whole days of decisions",
    )
    days = serializers.IntegerField(help_text="whole days that the band rests on")
    decisions = serializers.IntegerField(help_text="decisions that were answered again")
    changed = serializers.IntegerField(help_text="answers that change")
    levers = serializers.DictField(child=serializers.IntegerField(), help_text="answers that change, by lever")
    served = serializers.FloatField(
        allow_null=True, help_text="the change as served, at the mode and roll-out of now; null if they are not known"
    )
    as_of = serializers.DateTimeField(allow_null=True, help_text="the hour whose weights were taken")
    in_force = serializers.ListField(
        child=serializers.IntegerField(),
        min_length=2,
        max_length=2,
        allow_null=True,
        help_text="overrides in force, before and after",
    )
    acting = serializers.ListField(
        child=serializers.IntegerField(),
        min_length=2,
        max_length=2,
        allow_null=True,
        help_text="those of them that act at that hour, before and after",
    )


class WholeRequestSerializer(RequestSummary):
    """A change request with its content, votes, and the gates that keep it from being applied."""

    content = serializers.DictField(help_text="parameters, mode or rollback target")
    n_lines = serializers.IntegerField()
    lines = ChangeLineSerializer(many=True, source="first_lines")
    votes = VoteSerializer(many=True, source="signatures")
    gates = GateSerializer(many=True, source="before_applying")
    effect = EffectSerializer(allow_null=True, source="effect_document")
    effect_status = serializers.ChoiceField(
        [each.value for each in EffectStatus],
        help_text="`known`; or why `effect` is null: it is being computed, failed, comes with submission (`draft`), "
        "does not exist for a policy (`none`), or was not known when the request was closed (`not_computed`)",
    )

    class Meta(RequestSummary.Meta):
        fields = (
            *RequestSummary.Meta.fields,
            "failure",
            "content",
            "n_lines",
            "lines",
            "votes",
            "gates",
            "effect",
            "effect_status",
        )


def _document(override: Override | None) -> dict[str, Any] | None:
    return None if override is None else override.spec.to_document()


EXAMPLE_LINES = {
    "module": "pm",
    "kind": "lines",
    "title": "Smaller breakouts in euphoria",
    "reason": "31 trades lost 0.78 R each on average",
    "lines": [
        {
            "override": {
                "type": "pm_strength",
                "policy": "plan",
                "module": "pm",
                "pattern_key": "donchian.long.breakout",
                "action_category": "entry",
                "scope": {"meso_phase": "Euphoria"},
                "stats": {
                    "edge_raw": -0.78,
                    "n": 31,
                    "variance": 0.28,
                    "half_life_days": 90,
                    "updated_at": "2024-05-02T04:00:00Z",
                },
                "levers": {"capital_levers": {"size_mult": 0.9}},
            }
        }
    ],
}
EXAMPLE_MODE = {
    "module": "pm",
    "kind": "mode",
    "title": "Serve half of the symbols",
    "reason": "four weeks in shadow agreed with what was promised",
    "content": {"mode": "on", "rollout_percent": 50},
}
