"""`POST /api/v1/levers/resolve/`: resolve levers from memory, without a query, a transaction or a serializer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

import orjson
from django.http import HttpRequest, HttpResponseBase
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request

from overrides.api.resolve_schema import (
    DRY_RUN,
    DURABLE,
    EXAMPLE_ALLOCATION,
    EXAMPLE_ENTRY,
    EXPLAIN,
    LISTED,
    AnswerSerializer,
    QuestionSerializer,
)
from overrides.serving.decisions.decision_queue import keep
from overrides.serving.documents import Explain, documents
from overrides.serving.resolve import resolve
from overrides.serving.resolve_request import Question, read_question
from telemetry.foundation.api.problem_details import listed_problem
from telemetry.foundation.api.query_parameters import query, truth
from telemetry.foundation.api.schema_parts import problems, sent
from telemetry.foundation.api.short_view import ShortView
from telemetry.foundation.core.refusal import Refused, shown

MOST_QUESTIONS = 1000
MOST_OPTIONS = 100  # queries that are remembered
UNREADABLE = "this question is not acceptable and was not answered; `errors` names each field"
DRY: dict[str, Any] = {"decision_id": None, "dry": True}


class ResolveView(ShortView["_Asked"]):
    """Answer from memory; the decision is written afterwards unless `durable` asks for it first."""

    required_permission = "overrides.resolve"

    @extend_schema(
        operation_id="resolve_levers",
        summary="Levers for actions about to be taken",
        description=(
            "One question or a list of up to 1,000; an answer each, in order. A question that cannot be read is "
            "refused with its field named (400); in a list its problem stands at its place, and the others are "
            "answered (200). Whatever fails behind it, the answer is neutral levers and a reason, never an error."
        ),
        parameters=[EXPLAIN, DURABLE, DRY_RUN],
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
                serializers=[AnswerSerializer, LISTED],
                resource_type_field_name=None,
                many=False,
            ),
            **problems(400, 408, 411, 413, 415),
        },
    )
    def post(self, request: Request) -> HttpResponseBase:
        return super().post(request)

    def read(self, request: HttpRequest, body: object) -> _Asked:
        now = datetime.now(UTC)
        options = _options(request)
        key = getattr(getattr(request, "auth", None), "prefix", None)
        if isinstance(body, list):
            return _Asked(now, options, _readings(body, now), is_list=True, key=key)
        return _Asked(now, options, [read_question(body, now=now)], is_list=False, key=key)

    def answer(self, asked: _Asked) -> bytes:
        questions = [each for each in asked.readings if isinstance(each, Question)]
        documents = _answered(questions, asked)
        if not asked.is_list:
            return _json(documents[0])
        if len(documents) == len(asked.readings):
            return _json(documents)
        answered = iter(documents)
        return _json([next(answered) if isinstance(each, Question) else each for each in asked.readings])


@dataclass(frozen=True, slots=True)
class _Options:
    """What the query of a request asks for."""

    explain: Explain
    durable: bool
    dry: bool


def _options(request: HttpRequest) -> _Options:
    """Return what the query asks for; bots send few different ones, so that an accepted one is remembered."""
    sent = request.META.get("QUERY_STRING", "")
    found = _KNOWN_OPTIONS.get(sent)
    if found is None:
        found = _read_options(request)
        if len(_KNOWN_OPTIONS) < MOST_OPTIONS:
            _KNOWN_OPTIONS[sent] = found
    return found


def _read_options(request: HttpRequest) -> _Options:
    fields = query(request, ("explain", "durable", "dry"))
    explain: Explain = fields.take("explain", _explain, "summary")
    durable = fields.take("durable", truth, False)
    dry = fields.take("dry", truth, False)
    if durable and dry:
        fields.refuse("durable", "has no meaning with dry=true, which writes nothing; leave one of them out")
    fields.close()
    return _Options(explain, durable, dry)


_KNOWN_OPTIONS = {"": _Options("summary", durable=False, dry=False)}


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request as read: the questions of its body, or what is wrong with one of a list."""

    now: datetime
    options: _Options
    readings: Sequence[Question | dict[str, Any]]
    is_list: bool
    key: str | None  # prefix of the API key that asks


def _explain(value: object) -> Explain:
    for word in get_args(Explain):
        if value == word:
            known: Explain = word
            return known
    raise Refused.because(f"{shown(value)} is unknown; send one of {', '.join(get_args(Explain))}")


def _readings(body: Sequence[object], now: datetime) -> list[Question | dict[str, Any]]:
    """Return each question of a list, or the problem that stands in its place. Raises Refused for no list of them."""
    if not 1 <= len(body) <= MOST_QUESTIONS:
        raise Refused.because(f"has {len(body)} entries; send 1 to {MOST_QUESTIONS}")
    return [_reading(value, index, now) for index, value in enumerate(body)]


def _reading(value: object, index: int, now: datetime) -> Question | dict[str, Any]:
    try:
        return read_question(value, now=now)
    except Refused as refused:
        return listed_problem(400, UNREADABLE, refused.under(f"[{index}]"))


def _answered(questions: Sequence[Question], asked: _Asked) -> list[dict[str, Any]]:
    """Answer questions and return a document for each; their decisions go to the log, unless the answers are dry."""
    answers = resolve(questions, now=asked.now, key=asked.key, dry=asked.options.dry)
    recorded = DRY if asked.options.dry else keep(answers, durable=asked.options.durable)
    found = documents(answers, asked.options.explain)
    for document in found if recorded else ():
        document |= recorded
    return found


def _json(document: object) -> bytes:
    """Return JSON without DRF's renderer, which takes ten times as long; no hash or signature covers the text."""
    return orjson.dumps(document, option=orjson.OPT_UTC_Z)
