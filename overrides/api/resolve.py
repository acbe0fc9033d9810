"""`POST /api/v1/levers/resolve/`: resolve levers from memory, without a query, a transaction or a serializer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import get_args

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from overrides.api.resolve_schema import (
    DURABLE,
    EXAMPLE_ALLOCATION,
    EXAMPLE_ENTRY,
    EXPLAIN,
    AnswerSerializer,
    QuestionSerializer,
)
from overrides.serving.decision_queue import keep
from overrides.serving.resolve import Explain, resolve
from overrides.serving.resolve_request import Question, read_question
from telemetry.foundation.api.query_parameters import query, truth
from telemetry.foundation.api.schema_parts import problems, sent
from telemetry.foundation.core.objects import items
from telemetry.foundation.core.refusal import Refused, shown

MOST_QUESTIONS = 1000


class ResolveView(APIView):
    """Answer from memory; the decision is written afterwards unless `durable` asks for it first."""

    required_permission = "overrides.resolve"

    @extend_schema(
        operation_id="resolve_levers",
        summary="Levers for actions about to be taken",
        description=(
            "One question or a list of up to 1,000; an answer each, in order. A question that cannot be read is "
            "refused with its field named. Whatever fails behind it, the answer is neutral levers and a reason, never "
            "an error."
        ),
        parameters=[EXPLAIN, DURABLE],
        request=PolymorphicProxySerializer(
            component_name="QuestionOrQuestions",
            serializers=[QuestionSerializer, QuestionSerializer(many=True)],
            resource_type_field_name=None,
            many=False,
        ),
        examples=[
            sent("An entry", EXAMPLE_ENTRY),
            sent("An entry and an allocation", [EXAMPLE_ENTRY, EXAMPLE_ALLOCATION]),
        ],
        responses={
            200: PolymorphicProxySerializer(
                component_name="AnswerOrAnswers",
                serializers=[AnswerSerializer, AnswerSerializer(many=True)],
                resource_type_field_name=None,
                many=False,
            ),
            **problems(400, 408, 411, 413, 415),
        },
    )
    def post(self, request: Request) -> Response:
        now = datetime.now(UTC)
        explain, durable = _options(request)
        questions = _questions(request.data, now)

        answers = resolve(questions, now=now)
        recorded = keep(answers, durable=durable)

        documents = [answer.document(explain) | recorded for answer in answers]
        return Response(documents if isinstance(request.data, list) else documents[0])


def _options(request: Request) -> tuple[Explain, bool]:
    fields = query(request, ("explain", "durable"))
    explain: Explain = fields.take("explain", _explain, "summary")
    durable = fields.take("durable", truth, False)
    fields.close()
    return explain, durable


def _explain(value: object) -> Explain:
    for word in get_args(Explain):
        if value == word:
            known: Explain = word
            return known
    raise Refused.because(f"{shown(value)} is unknown; send one of {', '.join(get_args(Explain))}")


def _questions(body: object, now: datetime) -> Sequence[Question]:
    if not isinstance(body, list):
        return [read_question(body, now=now)]
    return items(lambda each: read_question(each, now=now), least=1, most=MOST_QUESTIONS)(body)
