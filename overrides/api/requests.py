"""`/api/v1/requests/`: read and draft change requests. Voting on them is for people, in the admin."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from overrides.api.request_serializers import (
    EXAMPLE_LINES,
    EXAMPLE_MODE,
    ChangeLineSerializer,
    ProposalSerializer,
    RequestSummary,
    WholeRequestSerializer,
)
from overrides.core.governance.gates import gates
from overrides.core.governance.permissions import APPLY, DRAFT, VIEW_REQUESTS
from overrides.core.governance.request_states import Step
from overrides.core.governance.situation import Attempt, Person
from overrides.models import ChangeLine, ChangeRequest, RequestKind
from overrides.requests.authoring import may_draft
from overrides.requests.gates import read_situation
from overrides.requests.impact.effects import known_effect
from overrides.requests.proposal_schema import read_proposal
from overrides.requests.propose import propose
from overrides.serving.mode import mode_of
from telemetry.api.pattern_fields import MODULE
from telemetry.foundation.api.etags import tagged
from telemetry.foundation.api.idempotency import IDEMPOTENCY_KEY, idempotent
from telemetry.foundation.api.list_view import MOST, ListView, list_schema
from telemetry.foundation.api.query_parameters import Filters, one_of, query
from telemetry.foundation.api.schema_parts import named_id, problems, sent
from telemetry.foundation.api.time_limits import bounded_reading, write_time_limit

FILTERS: Filters = {
    "module": MODULE,
    "kind": one_of("kind", RequestKind.values, "what it changes"),
    "state": one_of("state", ChangeRequest.State.values, "where it stands"),
}
ASSIGN = "ask an administrator to assign an owner who may draft it, in the admin under Access, API keys"
REQUEST_ID = named_id("request_id", {"type": "integer", "minimum": 0}, "as the list has it")
LINES = ChangeLine.objects.select_related("before__line", "after__line")


@extend_schema_view(get=list_schema("list_requests", "Change requests, newest first", RequestSummary, FILTERS))
class RequestsView(ListView):
    """List change requests; draft a new one."""

    required_permission = {"GET": VIEW_REQUESTS, "POST": DRAFT}
    filters = FILTERS
    rows = ChangeRequest.objects.all()
    document = RequestSummary

    @extend_schema(
        operation_id="propose",
        summary="Draft a change request",
        description=(
            "It goes to review at once and takes effect only when a person has approved it. No key can, nor the key's "
            "owner, in whose name it is drafted; a key without an owner, or whose owner may not draft it, drafts "
            "nothing. Kind `lines` brings overrides and withdraws lines (`lines`, up to 500); `parameters`, `mode` and "
            "`rollback` say in `content` what they set: the module's whole parameters; any of mode, rollout_percent, "
            "allow, holdback_percent, arms, challenger; or `{to: number}`."
        ),
        parameters=[IDEMPOTENCY_KEY],
        request=ProposalSerializer,
        examples=[sent("Lines", EXAMPLE_LINES), sent("Mode", EXAMPLE_MODE)],
        responses={201: WholeRequestSerializer, **problems(400, 408, 409, 411, 413, 415, 422, 503)},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        query(request).close()
        proposal = read_proposal(request.data)
        if not may_draft(proposal.kind, request.user):
            raise PermissionDenied(f"this key may not draft requests of kind {proposal.kind}; ask a parameter admin to")
        with write_time_limit():
            owner = _drafting_owner(cast(OwnedKey, request.user), proposal.kind)
            drafted = propose(proposal, owner=owner, by=str(request.user), at=datetime.now(UTC))
            return Response(_document(drafted, datetime.now(UTC)), status=201)


class RequestView(APIView):
    """Return one change request with its first lines, its votes and its gates."""

    required_permission = VIEW_REQUESTS

    @extend_schema(
        operation_id="get_request",
        summary="One change request: content, votes, state",
        description=(
            f"`lines` holds the first {MOST}; `…/lines/` has all. `gates` names everything that stands before applying "
            "it, with the way past. `effect` is the estimated change of exposure, known within a minute of submission; "
            "nothing waits for it. Send the ETag as If-None-Match to poll it."
        ),
        parameters=[REQUEST_ID],
        responses={
            200: WholeRequestSerializer,
            304: OpenApiResponse(description="Unchanged."),
            **problems(400, 404, 503),
        },
    )
    def get(self, request: Request, request_id: str) -> HttpResponseBase:
        query(request).close()
        with bounded_reading():
            return tagged(request, _document(_get_request(request_id), datetime.now(UTC)))


@extend_schema_view(
    get=list_schema(
        "list_request_lines",
        "What a change request does, line by line",
        ChangeLineSerializer,
        {},
        statuses=(400, 404, 503),
        named=(REQUEST_ID,),
    )
)
class RequestLinesView(ListView):
    """List the lines of one change request."""

    required_permission = VIEW_REQUESTS
    rows = LINES
    document = ChangeLineSerializer

    def selected(self, chosen: Mapping[str, Any], **path: Any) -> QuerySet[ChangeLine]:
        return self.rows.filter(request=_get_request(path["request_id"]))


class OwnedKey(Protocol):
    """A caller by key, reduced to its owner."""

    @property
    def owner(self) -> User | None: ...


def _drafting_owner(key: OwnedKey, kind: str) -> User:
    """Return the owner of a key; raise PermissionDenied unless the owner is active and may draft this kind."""
    # The key ring may be a second old, but a deactivation must count immediately.
    owner = None if key.owner is None else User.objects.filter(pk=key.owner.pk).first()
    if owner is None:
        raise PermissionDenied(f"this key has no owner to be the author of its drafts; {ASSIGN}")
    if not owner.is_active:
        raise PermissionDenied(f"the owner of this key, {owner}, is deactivated; {ASSIGN}")
    if not owner.has_perm(DRAFT) or not may_draft(kind, owner):
        raise PermissionDenied(f"the owner of this key, {owner}, may not draft requests of kind {kind}; {ASSIGN}")
    return owner


def _get_request(request_id: str) -> ChangeRequest:
    """Return the change request; raise NotFound if it does not exist."""
    request = ChangeRequest.objects.filter(pk=int(request_id)).first()
    if request is None:
        raise NotFound(f"there is no request {request_id}; GET /api/v1/requests/ lists those there are")
    return request


def _document(row: ChangeRequest, at: datetime) -> Any:
    row.n_lines = row.lines.count()  # type: ignore[attr-defined]  # only shown
    row.first_lines = LINES.filter(request=row).order_by("-id")[:MOST]  # type: ignore[attr-defined]  # only shown
    read = read_situation(row, at)
    for vote in read.votes:
        vote.standing = read.signatures.standings[vote.pk].value  # type: ignore[attr-defined]  # only shown
    row.signatures = read.votes  # type: ignore[attr-defined]  # only shown
    # An API key can never apply a request, so the gates are those of a person who may.
    attempt = Attempt(Step.APPLY, Person(frozenset({APPLY})), at)
    row.before_applying = gates(read.situation, attempt)  # type: ignore[attr-defined]  # only shown
    known = known_effect(row, mode_of(row.module), now=at)
    row.effect_document = known.effect and known.effect.to_document()  # type: ignore[attr-defined]  # only shown
    row.effect_status = known.status.value  # type: ignore[attr-defined]  # only shown
    return WholeRequestSerializer(row).data
