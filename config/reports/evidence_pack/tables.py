"""The rows of each table that belong to a period: requested, voted, decided or in force during it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet

from config.reports.exports.selection import CHUNK, Document, Selection
from overrides.models import (
    ChangeLine,
    ChangeRequest,
    Comment,
    LineHold,
    Mandate,
    MandateRenewal,
    ModuleMode,
    ModulePolicy,
    ParameterSet,
    Quarantine,
    RequestEvidence,
    Version,
    Vote,
)
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import Decision

Rows = QuerySet[Any, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Table:
    """One file of the pack, as CSV and as JSON lines."""

    columns: tuple[str, ...]
    chosen: Callable[[Selection], QuerySet[Any]]
    order: tuple[str, ...] = ("pk",)

    def rows(self, selection: Selection) -> Iterator[Document]:
        """Yield the rows of a selection, with times as text."""
        rows: Rows = self.chosen(selection).order_by(*self.order).values(*self.columns)
        for row in rows.iterator(CHUNK):
            yield {name: utc_text(value) if isinstance(value, datetime) else value for name, value in row.items()}


def _in_period(selection: Selection, *times: str) -> Q:
    """Match rows with any of these times in [since, until)."""
    condition = Q(pk__in=[])
    for time in times:
        one = Q(**{f"{time}__isnull": False})
        one &= Q() if selection.since is None else Q(**{f"{time}__gte": selection.since})
        condition |= one & (Q() if selection.until is None else Q(**{f"{time}__lt": selection.until}))
    return condition


def _in_force_during(selection: Selection, begins: str, ends: str) -> Q:
    """Match rows that began before the end of the period and did not end before its start."""
    began = Q() if selection.until is None else Q(**{f"{begins}__lt": selection.until})
    return began if selection.since is None else began & (Q(**{ends: None}) | Q(**{f"{ends}__gte": selection.since}))


def _of_module(rows: QuerySet[Any], selection: Selection, field: str = "module") -> QuerySet[Any]:
    """Restrict rows to the selected module."""
    return rows if selection.module is None else rows.filter(**{field: selection.module})


def _requests(selection: Selection) -> QuerySet[Any]:
    """Return the requests drafted, submitted, closed, acknowledged, voted on or commented on in the period."""
    of_it = {"request": OuterRef("pk")}
    votes = Vote.objects.filter(_in_period(selection, "voted_at"), **of_it)
    comments = Comment.objects.filter(_in_period(selection, "written_at"), **of_it)
    dated = _in_period(selection, "created_at", "submitted_at", "closed_at", "acknowledged_at")
    return _of_module(ChangeRequest.objects.filter(dated | Exists(votes) | Exists(comments)), selection)


def _of_requests(rows: QuerySet[Any]) -> Callable[[Selection], QuerySet[Any]]:
    """Return a query for the rows of those requests."""
    return lambda selection: rows.filter(request__in=_requests(selection).order_by().values("pk"))


def _made(rows: QuerySet[Any], time: str, module: str = "module") -> Callable[[Selection], QuerySet[Any]]:
    """Return a query for the rows created in the period."""
    return lambda selection: _of_module(rows.filter(_in_period(selection, time)), selection, module)


def _in_force(
    rows: QuerySet[Any], begins: str, ends: str, module: str = "module"
) -> Callable[[Selection], QuerySet[Any]]:
    """Return a query for the rows in force at some time of the period."""
    return lambda selection: _of_module(rows.filter(_in_force_during(selection, begins, ends)), selection, module)


def _decisions(selection: Selection) -> QuerySet[Any]:
    """Return the decisions of the period, counted by module, version and mode."""
    chosen = _of_module(selection.between(Decision.objects.all(), "at"), selection)
    counted = chosen.order_by().values("module", "version", "mode")
    annotated: QuerySet[Any] = counted.annotate(decisions=Count("pk"), first=Min("at"), last=Max("at"))
    return annotated


TABLES: Mapping[str, Table] = MappingProxyType(
    {
        "requests": Table(
            (
                "id", "module", "kind", "route", "state", "title", "reason", "author_name", "content", "content_hash",
                "edition", "base_version", "base_parameters", "movement", "split_from", "created_at", "submitted_at",
                "expires_at", "scheduled_for", "closed_at", "acknowledged_at", "acknowledged_by", "failure",
            ),
            _requests,
        ),
        "lines": Table(
            (
                "request", "line", "action", "line__module", "line__channel", "line__pattern_key",
                "line__action_category", "line__scope", "before", "before__levers", "after", "after__levers",
                "after__edge_raw", "after__n", "after__variance", "after__source", "differences",
            ),
            _of_requests(ChangeLine.objects.all()),
            ("request", "line"),
        ),
        "votes": Table(
            ("id", "request", "voter__username", "decision", "reason", "content_hash", "evidence", "voted_at"),
            _of_requests(Vote.objects.all()),
        ),
        "known": Table(
            ("id", "request", "edition", "document_hash", "stored_at", "document"),
            _of_requests(RequestEvidence.objects.all()),
        ),
        "comments": Table(
            ("id", "request", "line", "author__username", "text", "written_at"), _of_requests(Comment.objects.all())
        ),
        "versions": Table(
            (
                "module", "number", "kind", "is_active", "request", "parameters", "coefficients", "n_overrides",
                "content_hash", "published_at", "published_by",
            ),
            _made(Version.objects.all(), "published_at"),
            ("module", "number"),
        ),
        "modes": Table(
            (
                "module", "mode", "rollout_percent", "rollout_salt", "holdback_percent", "arms", "allow",
                "challenger__number",
                "revision", "changed_at", "changed_by", "reason",
            ),
            lambda selection: _of_module(ModuleMode.objects.all(), selection),
        ),
        "policies": Table(
            ("module", "number", "is_active", "document", "request", "created_at", "created_by"),
            _made(ModulePolicy.objects.all(), "created_at"),
            ("module", "number"),
        ),
        "parameters": Table(
            ("id", "module", "document", "created_at", "created_by", "reason"),
            _made(ParameterSet.objects.all(), "created_at"),
        ),
        "mandates": Table(
            (
                "id", "line", "request", "direction", "reach", "evidence_floor", "review_by", "granted_at",
                "revoked_at", "renews",
            ),
            _in_force(Mandate.objects.all(), "granted_at", "revoked_at", "line__module"),
        ),
        "renewals": Table(
            ("id", "mandate", "mandate__request", "voter__username", "reason", "voted_at"),
            _made(MandateRenewal.objects.all(), "voted_at", "mandate__line__module"),
        ),
        "holds": Table(
            (
                "id", "line", "kind", "reason", "placed_by__username", "placed_at", "expires_at", "lifted_at", "cap",
                "rejected",
            ),
            _in_force(LineHold.objects.all(), "placed_at", "lifted_at", "line__module"),
        ),
        "quarantines": Table(
            ("id", "module", "reason", "placed_by__username", "placed_at", "lifted_at"),
            _in_force(Quarantine.objects.all(), "placed_at", "lifted_at"),
        ),
        "decisions": Table(
            ("module", "version", "mode", "decisions", "first", "last"), _decisions, ("module", "version", "mode")
        ),
    }
)  # fmt: skip
