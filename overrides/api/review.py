"""Change requests as JSON: what is sent to draft one, and what is told of one."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from overrides.api.policy import OverrideSerializer
from overrides.load import spec_of
from overrides.models import ChangeLine, ChangeRequest, Override, Vote
from overrides.proposals import MOST_LINES, Kind
from telemetry.api.documentation import MODULES


class ProposedLineSerializer(serializers.Serializer[Any]):
    """Either an override to bring, or a line to withdraw."""

    override = OverrideSerializer(required=False)
    withdraw = serializers.CharField(required=False, min_length=64, max_length=64, help_text="the id of a line")


class ProposalSerializer(serializers.Serializer[Any]):
    """A change request to draft. `lines` for kind lines, `content` for the others."""

    module = serializers.ChoiceField(MODULES)
    kind = serializers.ChoiceField([kind.value for kind in Kind])
    title = serializers.CharField(max_length=200)
    reason = serializers.CharField(max_length=4000, help_text="a reviewer reads it first")
    lines = serializers.ListField(child=ProposedLineSerializer(), required=False, min_length=1, max_length=MOST_LINES)
    content = serializers.DictField(required=False)


class RequestSummary(serializers.ModelSerializer[ChangeRequest]):
    class Meta:
        model = ChangeRequest
        fields: tuple[str, ...] = (
            "id", "module", "kind", "state", "health", "title", "reason", "author_name", "base_version",
            "content_hash", "created_at", "submitted_at", "expires_at", "scheduled_for", "closed_at",
        )  # fmt: skip


class VoteSerializer(serializers.ModelSerializer[Vote]):
    """One person's word on the content with this hash."""

    voter = serializers.CharField(source="voter.username")

    class Meta:
        model = Vote
        fields = ("voter", "decision", "content_hash", "reason", "voted_at")


class ChangeLineSerializer(serializers.ModelSerializer[ChangeLine]):
    """One line a request touches: the override it replaces and the one it brings."""

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


class WholeRequestSerializer(RequestSummary):
    """What it would do, who said what about it, and where it stands."""

    content = serializers.DictField(help_text="parameters, mode or rollback target")
    n_lines = serializers.IntegerField()
    lines = ChangeLineSerializer(many=True, source="first_lines")
    votes = VoteSerializer(many=True, source="signatures")

    class Meta(RequestSummary.Meta):
        fields = (*RequestSummary.Meta.fields, "failure", "content", "n_lines", "lines", "votes")


def _document(override: Override | None) -> dict[str, Any] | None:
    return None if override is None else spec_of(override).to_document()
