"""The list of change requests: what each waits for, how large it is, its effect, and who can act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from overrides.admin.line_lists import found_lines
from overrides.core.governance.permissions import APPLY, REVIEW
from overrides.core.governance.votes import signatures
from overrides.models import ChangeLine, ChangeRequest, Line, WhatIf
from overrides.requests.gates import moved_before, window_of
from overrides.requests.governance_store import policy_of
from overrides.requests.impact.effects import Effect, effect_of, effect_row
from overrides.requests.kinds import KINDS
from overrides.requests.votes import votes_on
from telemetry.foundation.admin.formatting import MISSING, exposure
from telemetry.foundation.admin.pagination import CompletedList
from telemetry.foundation.admin.part_search import all_words, said, terms
from telemetry.foundation.admin.read_only import DefaultFilter, person

State = ChangeRequest.State
SAID = ("id", "module", "title", "author_name", "reason")


@dataclass(frozen=True)
class Progress:
    """The approvals that a request has and needs, who can act on it, and its effect if it is known."""

    approvals: int
    needed: int
    who: str
    effect: Effect | None


class RequestList(CompletedList):
    """Adds to each row `progress`, with a few queries per page."""

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        for row, progress in zip(rows, progress_of(rows, person(request), datetime.now(UTC)), strict=True):
            row.progress = progress


def progress_of(requests: Sequence[ChangeRequest], reader: User | AnonymousUser, at: datetime) -> list[Progress]:
    """Return the progress of each request, as this reader sees it."""
    votes = votes_on([each.pk for each in requests])
    policies = {module: policy_of(module) for module in {each.module for each in requests}}
    effects = _effects([each for each in requests if KINDS[each.kind].is_measured])
    moved = cache(partial(moved_before, at=at))
    may = {permission: reader.has_perm(permission) for permission in (REVIEW, APPLY)}
    found = []
    for each in requests:
        policy = policies[each.module]
        is_sized = policy.large_movement is not None and each.state in ChangeRequest.OPEN
        before = moved(each.module, window=window_of(each, policy), route=each.route) if is_sized else 0.0
        agreement = policy.agreement(each.kind, each.movement, before)
        signed = signatures(votes[each.pk], each.content_hash, each.author_id, agreement.groups)
        has_voted = reader.pk in signed.approvers
        who = _who(each, reader, agreement.groups, may, has_voted=has_voted)
        found.append(Progress(len(signed.approvers), agreement.needed, who, effects.get(each.pk)))
    return found


def _effects(requests: Sequence[ChangeRequest]) -> dict[int, Effect | None]:
    known = {each.pk: each for each in requests}
    rows: dict[int, list[WhatIf]] = {key: [] for key in known}
    for row in WhatIf.objects.filter(request__in=list(known)):
        row.request = known[row.request_id]
        rows[row.request_id].append(row)
    return {key: effect_of(effect_row(rows[key], each), None) for key, each in known.items()}


def _who(
    request: ChangeRequest,
    reader: User | AnonymousUser,
    groups: Sequence[str],
    may: dict[str, bool],
    *,
    has_voted: bool,
) -> str:
    """Return who can take the next step, in words."""
    is_author = request.author_id == reader.pk
    author = "you, its author" if is_author else f"its author, {request.author_name}"
    a_reviewer = f"a reviewer of {' or '.join(groups)}" if groups else "a reviewer"
    if request.state in (State.DRAFT, State.CHANGES_REQUESTED):
        return author
    if request.state == State.IN_REVIEW:
        if may[REVIEW] and not is_author and not has_voted:
            return "you, or another reviewer"
        return "another reviewer" if is_author or has_voted else a_reviewer
    if request.state in (State.APPROVED, State.SCHEDULED):
        done = "apply it now" if request.state == State.SCHEDULED else "apply it"
        return f"you can {done}" if may[APPLY] else f"a person who may {done}"
    return ""


class StateFilter(DefaultFilter):
    """Limits the list to open requests, which is the default, or to those of one state."""

    title = "state"
    parameter_name = "state"
    words = "open requests"
    other_lists = ("afterwards", "mandates")

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [(state, state.replace("_", " ")) for state in State.values]

    def default(self, queryset: QuerySet[ChangeRequest]) -> QuerySet[ChangeRequest]:
        return queryset.filter(state__in=ChangeRequest.OPEN)

    def chosen(self, queryset: QuerySet[ChangeRequest], value: str) -> QuerySet[ChangeRequest]:
        return queryset.filter(state=value)


def found_requests(rows: QuerySet[ChangeRequest], term: str) -> QuerySet[ChangeRequest]:
    """Return the requests that say all words of the term, or change a line that does."""
    words = terms(term)
    if not words:
        return rows
    if term.strip().isdecimal() and len(term.strip()) < 10:
        return rows.filter(pk=int(term))
    lines = found_lines(Line.objects.all(), term).values("pk")
    changing = ChangeLine.objects.filter(line__in=lines).values("request")
    return rows.alias(said=said(*SAID)).filter(Q(all_words("said", words)) | Q(pk__in=changing))


def effect_shown(request: ChangeRequest, effect: Effect | None) -> SafeString:
    """Format the effect of a request on exposure with its 90 % band."""
    if effect is None:
        is_pending = KINDS[request.kind].is_measured and request.state in ChangeRequest.OPEN
        return format_html('<span class="cw-quiet">{}</span>', "not computed yet") if is_pending else MISSING
    if not effect.decisions:
        return format_html(
            '<span class="cw-quiet" title="{}">unknown</span>', "the module had logged no decision to replay"
        )
    if effect.low is None or effect.high is None:
        return exposure(effect.percent)
    band = format_html("{} to {}", exposure(effect.low), exposure(effect.high))
    return format_html('{}<div class="cw-quiet cw-small">{}</div>', exposure(effect.percent), band)
