"""`POST /api/v1/decisions/`: decisions that local clients made, in addition to the list of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from overrides.api.resolve_schema import EXAMPLE_ENTRY, QuestionSerializer
from overrides.api.snapshot import LONGEST_NAME
from overrides.core.engine.definitions.levers import levers_of
from overrides.serving.clients.local_decisions import (
    LARGEST_NUMBER,
    Outcome,
    Reported,
    Sender,
    StatesBusy,
    Status,
    read_reported,
    take,
)
from telemetry.api.decisions import DecisionsView as ListedDecisionsView
from telemetry.foundation.api.problem_details import Locked
from telemetry.foundation.api.query_parameters import query
from telemetry.foundation.api.schema_parts import RefusalSerializer, number, problems, sent
from telemetry.foundation.api.time_limits import write_time_limit
from telemetry.foundation.core.fields import identifier, text
from telemetry.foundation.core.refusal import Refusal, Refused, join, refusals_as_json

MOST_DECISIONS = 1000
NAMELESS = "local client"


EXAMPLE_DECISION = {
    "decision_id": "019ad5f0-6c80-7000-8000-000000000000",
    "question": EXAMPLE_ENTRY,
    "version": None,
    "mode_revision": 0,
    "evaluated_at": "2025-11-30T15:00:00Z",
    "levers": {lever.name: lever.neutral for lever in levers_of("pm", "entry")},
    "reason": "MODULE_OFF",
}


class ReportsBusy(Locked):
    """Another report has a past version compiled."""

    def __init__(self) -> None:
        super(Locked, self).__init__(
            "another report has a past version compiled, so nothing was stored; send this again"
        )


class LocalDecisionSerializer(serializers.Serializer[Any]):
    """A decision that a client made from a snapshot."""

    decision_id = serializers.UUIDField(help_text="UUID of version 7, made at evaluated_at")
    question = QuestionSerializer(help_text="as it was asked")
    version = serializers.IntegerField(
        min_value=1, max_value=LARGEST_NUMBER, required=False, allow_null=True, help_text="null: none was published"
    )
    mode_revision = serializers.IntegerField(min_value=0, max_value=LARGEST_NUMBER, help_text="0: no mode was set")
    evaluated_at = serializers.DateTimeField(help_text="within the last 24 hours, with its offset")
    levers = serializers.DictField(child=serializers.FloatField(), help_text="as they were served")
    reason = serializers.CharField(min_length=1, max_length=20, help_text="as it was served")
    stale_seconds = number("since the server last confirmed the snapshot")
    latency_us = number("what the answer took, in microseconds", low=0)


class LocalReceiptSerializer(serializers.Serializer[Any]):
    """What became of a reported decision."""

    index = serializers.IntegerField(help_text="its place in the list")
    decision_id = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField([each.value for each in Status])
    errors = RefusalSerializer(many=True)  # type: ignore[assignment]  # a declared field


class LocalReceiptsSerializer(serializers.Serializer[Any]):
    """One receipt per decision, in the order of the list."""

    results = LocalReceiptSerializer(many=True)


class DecisionsView(ListedDecisionsView):
    """List the decisions that were served, with those that local clients reported."""

    required_permission: str | Mapping[str, str] = {"GET": "telemetry.view_decision", "POST": "overrides.resolve"}

    @extend_schema(
        operation_id="report_decisions",
        summary="Report decisions that a client made from a snapshot",
        description=(
            "A list of up to 1,000; the Python client sends them. Each is computed again from the version and mode it "
            "names and stored as this server computes it, so that trades may name it. One whose levers differ, whose "
            "id names another question, or whose version or mode was not in force at `evaluated_at` is refused, with "
            "its place and the reason; the others are stored. An action counts a decision only if it was reported "
            "before the action or within a minute of it. Safe to repeat: a decision that is stored is `unchanged`."
        ),
        parameters=[
            OpenApiParameter(
                "client",
                {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
                description="the client's name, kept with its decisions",
            )
        ],
        request=LocalDecisionSerializer(many=True),
        examples=[sent("A decision", EXAMPLE_DECISION, "Made while no version was published.")],
        responses={200: LocalReceiptsSerializer, **problems(400, 408, 411, 413, 415, 503)},
    )
    def post(self, request: Request) -> Response:
        fields = query(request, ("client",))
        client = fields.take("client", text(LONGEST_NAME), NAMELESS)
        fields.close()
        now = datetime.now(UTC)
        readings = [_read(value, now) for value in _listed(request.data)]
        sound = [each for each in readings if isinstance(each, Reported)]
        with write_time_limit():
            try:
                taken = iter(take(sound, Sender(client, getattr(request.auth, "prefix", None), now)))
            except StatesBusy as busy:
                raise ReportsBusy from busy
        outcomes = [next(taken) if isinstance(each, Reported) else each for each in readings]
        return Response({"results": [_receipt(index, each) for index, each in enumerate(outcomes)]})


def _listed(body: object) -> Sequence[object]:
    if not isinstance(body, list) or not 1 <= len(body) <= MOST_DECISIONS:
        raise Refused.because(f"the body is no list of 1 to {MOST_DECISIONS} decisions; send one")
    return body


def _read(value: object, now: datetime) -> Reported | Outcome:
    try:
        return read_reported(value, now=now)
    except Refused as refused:
        return Outcome(_name(value), Status.REFUSED, refused.refusals)


def _name(value: object) -> str | None:
    """Return the id of a decision that was refused, if it has one: whatever else was sent is not sent back."""
    try:
        return identifier(value.get("decision_id")) if isinstance(value, Mapping) else None
    except Refused:
        return None


def _receipt(index: int, outcome: Outcome) -> dict[str, Any]:
    refusals = [Refusal(join(f"[{index}]", each.field), each.message) for each in outcome.refusals]
    return {
        "index": index,
        "decision_id": outcome.decision_id,
        "status": outcome.status.value,
        "errors": refusals_as_json(refusals),
    }
