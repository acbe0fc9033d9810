"""`/ofrep/v1/evaluate/flags`: any SDK of OpenFeature reads levers as flags, through its remote evaluation protocol."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponseBase, HttpResponseNotModified
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from overrides.api.ofrep_schema import (
    BULK,
    EXAMPLE_CONTEXT,
    FLAG_CONFIG,
    IF_NONE_MATCH,
    KEY,
    REQUEST,
    SUCCESS,
    failures,
)
from overrides.serving.clients.stream_address import stream_address
from overrides.serving.decisions.decision_queue import keep
from overrides.serving.openfeature.ofrep import (
    FLAGS,
    Context,
    Unanswered,
    flag_documents,
    flag_metadata,
    module_of,
    question_for,
    question_of,
    read_context,
)
from overrides.serving.openfeature.ofrep_tag import tag_now, tag_of
from overrides.serving.resolve import Resolved, resolve
from overrides.serving.resolve_request import Question
from telemetry.foundation.api.etags import held_tags, with_tag
from telemetry.foundation.api.problem_details import problem_response
from telemetry.foundation.api.query_parameters import query
from telemetry.foundation.api.schema_parts import sent
from telemetry.foundation.core.fields import text
from telemetry.foundation.core.refusal import Refused

INACTIVITY_SECONDS = 120
EXAMPLES = [sent("An entry", {"context": EXAMPLE_CONTEXT})]


class EvaluationView(APIView):
    """What both endpoints have in common: errors in the form of the protocol."""

    required_permission = "overrides.resolve"

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return _failure


class FlagView(EvaluationView):
    """Evaluates one flag; each evaluation is a decision."""

    @extend_schema(
        operation_id="evaluate_flag",
        summary="One lever as a flag of OpenFeature",
        description=(
            "OFREP 0.3: evaluation of one flag, whose value is always a number. Whatever fails behind a context that "
            "can be read, the answer is 200 with the neutral value, and the metadata say why. A lever that the action "
            "does not use is an INVALID_CONTEXT. The key may also be sent as `X-API-Key`."
        ),
        parameters=[KEY],
        request={"application/json": REQUEST},
        examples=EXAMPLES,
        responses={200: OpenApiResponse(SUCCESS, "The evaluation."), **failures(400, 404)},
    )
    def post(self, request: Request, key: str) -> Response:
        query(request).close()
        now = datetime.now(UTC)
        module_of(key)
        context = read_context(request.data)
        question = question_for(key, context, now=now)

        resolved = _resolved(question, now, request)

        return Response(next(each for each in flag_documents(question, resolved, context) if each["key"] == key))


class FlagsView(EvaluationView):
    """Evaluates every lever of an action, as one decision."""

    @extend_schema(
        operation_id="evaluate_flags",
        summary="All levers of an action as flags of OpenFeature",
        description=(
            "OFREP 0.3: evaluation of all flags that the action uses, as one decision. With the ETag of an earlier "
            "evaluation the answer is 304, and no decision is made, as long as version, mode and context are the same "
            "and the evaluation is of the same hour. A context without an action, such as that of a program which is "
            "starting, is answered with an INVALID_CONTEXT for each flag, so that the provider becomes ready and "
            "callers get the defaults of their code."
        ),
        parameters=[IF_NONE_MATCH, *FLAG_CONFIG],
        request={"application/json": REQUEST},
        examples=EXAMPLES,
        responses={
            200: OpenApiResponse(BULK, "The evaluations."),
            304: OpenApiResponse(description="What the caller has is as good."),
            **failures(400),
        },
    )
    def post(self, request: Request) -> HttpResponseBase:
        _read_query(request)
        now = datetime.now(UTC)
        context = read_context(request.data)
        if not context.is_question:
            return Response(_without_action(request, context))
        question = question_of(context, now=now)
        etag = tag_now(question.request.module, context.fields, now)
        if etag in held_tags(request):
            return with_tag(HttpResponseNotModified(), etag)

        resolved = _resolved(question, now, request)

        document: dict[str, Any] = {
            "flags": list(flag_documents(question, resolved, context)),
            "metadata": flag_metadata(resolved, context),
            **_streams(request, question.request.module),
        }
        return with_tag(Response(document), tag_of(resolved, context.fields, now))


def _resolved(question: Question, now: datetime, request: Request) -> Resolved:
    (resolved,) = resolve([question], now=now, key=getattr(request.auth, "prefix", None))
    keep([resolved], durable=False)
    return resolved


def _read_query(request: Request) -> None:
    fields = query(request, ("flagConfigEtag", "flagConfigLastModified"))
    for name in ("flagConfigEtag", "flagConfigLastModified"):
        fields.take(name, text(200), None)
    fields.close()


def _streams(request: Request, module: str | None = None) -> dict[str, Any]:
    address = stream_address(str(request.user.pk), module=module)
    stream = {"type": "sse", "url": address, "inactivityDelaySec": INACTIVITY_SECONDS}
    return {} if address is None else {"eventStreams": [stream]}


def _without_action(request: Request, context: Context) -> dict[str, Any]:
    details = "the context names no action; send pattern_key and action_category"
    failed = [{"key": flag, "errorCode": "INVALID_CONTEXT", "errorDetails": details} for flag in FLAGS]
    return {"flags": failed, **_streams(request)}


def _failure(exception: Exception, context: dict[str, Any]) -> Response | None:
    """Return the response to an exception: the protocol's form where it has one, otherwise problem details."""
    key = context["kwargs"].get("key")
    named = {} if key is None else {"key": key}
    if isinstance(exception, Unanswered):
        status = 404 if exception.code == "FLAG_NOT_FOUND" else 400
        return Response({**named, "errorCode": exception.code, "errorDetails": str(exception)}, status=status)
    if isinstance(exception, ParseError):
        return Response({**named, "errorCode": "PARSE_ERROR", "errorDetails": str(exception.detail)}, status=400)
    if isinstance(exception, Refused):
        return Response({**named, "errorCode": "GENERAL", "errorDetails": str(exception)}, status=400)
    return problem_response(exception, context)
