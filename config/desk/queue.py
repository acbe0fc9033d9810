"""The requests of the start page: those that wait, those that are scheduled, and what the builder published by itself.

Each comes with its estimated effect. All of them are read by one query, whatever their number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    Case,
    Exists,
    F,
    FloatField,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
    Window,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Extract, JSONObject, RowNumber

from config.desk.words import in_words
from overrides.admin.requests.steps import step_summaries
from overrides.core.governance.permissions import APPLY, REVIEW
from overrides.models import ChangeRequest, Version, Vote, WhatIf
from overrides.requests.impact.effects import AFTERWARDS, Effect, effect_of, effect_row
from overrides.requests.impact.what_if import EFFECT_DECISIONS
from overrides.requests.kinds import KINDS
from overrides.serving.engine import ENGINE_ROOM

State, Route = ChangeRequest.State, ChangeRequest.Route
MOST_SHOWN = 12  # in each part
DAY, WEEK = timedelta(days=1), timedelta(days=7)
WAITING = (State.IN_REVIEW, State.APPROVED, State.CHANGES_REQUESTED)
MINE, OTHERS, SCHEDULED, PUBLISHED = "mine", "others", "scheduled", "published"
EFFECT_FIELDS = ("key", "n", "version", "last_decision", "as_of", "status", "asked_at", "error")
EFFECT_PARTS = ("asked", "changed", "levers", "exposure", "is_of_mode")  # of a what-if's document
LINES = "(SELECT count(*) FROM overrides_changeline AS c WHERE c.request_id = overrides_changerequest.id)"
# Who signed the mandates that covered the lines of a request when it was applied.
SIGNERS = """
ARRAY(
    SELECT DISTINCT u.username::text FROM overrides_changeline AS c
    JOIN overrides_mandate AS m ON m.line_id = c.line_id AND m.granted_at <= overrides_changerequest.closed_at
        AND (m.revoked_at IS NULL OR m.revoked_at >= overrides_changerequest.closed_at)
    JOIN overrides_changerequest AS s ON s.id = m.request_id
    JOIN LATERAL (
        SELECT v.voter_id FROM overrides_vote AS v WHERE m.renews_id IS NULL
            AND v.request_id = s.id AND v.content_hash = s.content_hash AND v.decision = 'approve'
        UNION SELECT n.voter_id FROM overrides_mandaterenewal AS n WHERE n.mandate_id = m.renews_id
    ) AS signed ON true
    JOIN auth_user AS u ON u.id = signed.voter_id
    WHERE c.request_id = overrides_changerequest.id AND overrides_changerequest.route = 'mandate'
    ORDER BY 1
)
"""


@dataclass(frozen=True)
class Waiting:
    """A request, its estimated effect, and the steps open to the reader, or what it waits for.

    `effect` is None before it is known; `is_measured` is whether requests of its kind have one at all.
    """

    request: ChangeRequest
    age: str
    left: str
    steps: tuple[str, ...]
    waits_for: str
    effect: Effect | None
    is_measured: bool
    is_failed: bool


@dataclass(frozen=True)
class Publication:
    """What the builder published under mandates: its version, number of lines, effect, and who signed the mandates."""

    request: ChangeRequest
    version_key: int | None
    version: int | None
    lines: int
    signers: tuple[str, ...]
    effect: Effect | None
    is_failed: bool
    is_recent: bool
    is_given_up: bool  # its effect is not known, and is computed no more
    is_measured: bool = True  # it brings overrides


@dataclass(frozen=True)
class Queue:
    """The parts of the start page that are about requests, each the first few of its kind, oldest first.

    What a machine published is newest first.
    """

    mine: Sequence[Waiting]
    others: Sequence[Waiting]
    scheduled: Sequence[Waiting]
    published: Sequence[Publication]


def queue(person: User, now: datetime) -> Queue:
    """Return the requests that the start page shows a person."""
    parts: dict[str, list[Any]] = {MINE: [], OTHERS: [], SCHEDULED: [], PUBLISHED: []}
    rows: Iterable[Any] = _rows(person, now)
    for row in rows:
        parts[row.part].append(row)
    return Queue(
        mine=[_waiting(row, person, now) for row in parts[MINE]],
        others=[_waiting(row, person, now) for row in parts[OTHERS]],
        scheduled=[_waiting(row, person, now) for row in parts[SCHEDULED]],
        published=[_publication(row, now) for row in parts[PUBLISHED]],
    )


def awaiting(person: User, now: datetime) -> Q:
    """Return the condition for requests on which this person has a step to take, as far as their rows tell."""
    own = Q(author=person)
    mine = own & Q(state=State.CHANGES_REQUESTED)
    if person.has_perm(REVIEW):
        has_approved = Vote.objects.filter(
            request=OuterRef("pk"),
            voter=person,
            content_hash=OuterRef("content_hash"),
            decision=Vote.Decision.APPROVE,
        )
        mine |= Q(Q(author=None) | ~own, ~Exists(has_approved), state=State.IN_REVIEW)
    if person.has_perm(APPLY):
        mine |= Q(state=State.APPROVED)
    return mine & Q(expires_at__gt=now)


def _rows(person: User, now: datetime) -> QuerySet[ChangeRequest]:
    """Return the first requests of each part, with what the page shows of them."""
    published = Q(route=Route.MANDATE, state=State.APPLIED, closed_at__gt=now - WEEK)
    part = Case(
        When(published, then=Value(PUBLISHED)),
        When(state=State.SCHEDULED, then=Value(SCHEDULED)),
        When(awaiting(person, now), then=Value(MINE)),
        default=Value(OTHERS),
    )
    rank = Case(
        When(published, then=-Extract("closed_at", "epoch")),
        When(state=State.SCHEDULED, then=Extract("scheduled_for", "epoch")),
        default=Extract("created_at", "epoch"),
        output_field=FloatField(),
    )
    shown = ChangeRequest.objects.filter(Q(state__in=(*WAITING, State.SCHEDULED)) | published).order_by()
    ranked = shown.annotate(part=part, rank=rank)
    first = ranked.annotate(place=Window(RowNumber(), partition_by="part", order_by=["rank", "pk"]))
    return (
        ChangeRequest.objects.filter(pk__in=first.filter(place__lte=MOST_SHOWN).values("pk"))
        .annotate(
            part=part,
            rank=rank,
            effects=ArraySubquery(_what_ifs()),
            n_lines=RawSQL(LINES, (), IntegerField()),
            version_key=Subquery(Version.objects.filter(request=OuterRef("pk")).values("pk")[:1]),
            version_number=Subquery(Version.objects.filter(request=OuterRef("pk")).values("number")[:1]),
            signers=RawSQL(SIGNERS, (), ArrayField(TextField())),
        )
        .order_by("rank", "pk")
    )


def _what_ifs() -> Any:
    """Return the what-ifs of a request as JSON, without the large parts of their documents."""
    rows = WhatIf.objects.filter(request=OuterRef("pk"), n=EFFECT_DECISIONS, as_of__isnull=False).order_by("-asked_at")
    parts = {name: F(f"document__{name}") for name in EFFECT_PARTS}
    return rows.values(found=JSONObject(**{name: F(name) for name in EFFECT_FIELDS}, document=JSONObject(**parts)))[:3]


def _waiting(row: Any, person: User, now: datetime) -> Waiting:
    """Describe one request for a person."""
    found, is_failed = _effect(row)
    steps, waits_for = _steps(row, person, now)
    return Waiting(
        request=row,
        age=in_words(now - row.created_at),
        left=in_words(row.expires_at - now) if row.expires_at > now else "expired",
        steps=steps,
        waits_for=waits_for,
        effect=found,
        is_measured=KINDS[row.kind].is_measured,
        is_failed=is_failed,
    )


def _steps(row: Any, person: User, now: datetime) -> tuple[tuple[str, ...], str]:
    """Return the steps open to the reader; without any, what the request waits for."""
    if row.state == State.SCHEDULED:
        return (), ""
    if now >= row.expires_at:
        return (), "expired; it has to be drafted again"
    if row.state == State.CHANGES_REQUESTED:
        is_own = row.author_id == person.pk
        return (("Edit", "Submit again", "Cancel"), "") if is_own else ((), f"its author, {row.author_name}")
    if row.part == MINE:
        return tuple(each.step.label for each in step_summaries(row, person, now) if not each.blocked), ""
    if row.state == State.APPROVED:
        return (), "somebody who may apply it"
    if row.author_id == person.pk:
        return (), "a reviewer: you drafted it"
    return (), "another approval: you have approved it" if person.has_perm(REVIEW) else "a reviewer"


def _publication(row: Any, now: datetime) -> Publication:
    """Describe what the builder published by one request."""
    found, is_failed = _effect(row)
    return Publication(
        request=row,
        version_key=row.version_key,
        version=row.version_number,
        lines=row.n_lines,
        signers=tuple(row.signers),
        effect=found,
        is_failed=is_failed,
        is_recent=row.closed_at > now - DAY,
        is_given_up=found is None and row.closed_at < now - AFTERWARDS,
    )


def _effect(row: Any) -> tuple[Effect | None, bool]:
    """Return the effect of a request, None before it is known, and whether it could not be computed."""
    found = effect_row([_what_if(each) for each in row.effects], row)
    if found is not None:
        found.request = row
    mode = ENGINE_ROOM.mode(row.module)
    return effect_of(found, mode), found is not None and found.status == WhatIf.Status.FAILED


def _what_if(found: Mapping[str, Any]) -> WhatIf:
    """Return a what-if read as JSON; a document that is not there yet has empty parts."""
    times = {name: found[name] and datetime.fromisoformat(found[name]) for name in ("as_of", "asked_at")}
    document = found["document"] if found["document"]["exposure"] is not None else None
    last = found["last_decision"] and UUID(found["last_decision"])
    return WhatIf(**{**found, **times, "last_decision": last, "document": document})
