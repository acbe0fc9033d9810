"""Overrides in force that pull against the lines of a request, or against one that is about to be drafted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, Case, F, Func, QuerySet, Subquery, Value, When
from django.db.models.functions import JSONObject

from overrides.core.governance.overlaps import Opposition, Pull, opposition
from overrides.models import ChangeLine, ChangeRequest, Line, Membership, Override

MOST = 500  # overrides in force that are compared, those with most trades
PULLS = "pulls_in_force"
FIELDS = {
    "override": F("pk"),
    "line": F("line_id"),
    "module": F("line__module"),
    "pattern_key": F("line__pattern_key"),
    "action_category": F("line__action_category"),
    "scope": F("line__scope"),
    "levers": F("levers"),
}


def pulls_in_force(request: ChangeRequest) -> Mapping[str, Case]:
    """Return an annotation of the lines of a request: what is in force on their patterns, on the first line only.

    It comes with the query of the lines, so that the page of a request needs no other one.
    """
    changes = ChangeLine.objects.filter(request=request)
    first = Subquery(changes.order_by("line_id").values("pk")[:1])
    named = (
        _IsAnyOf(name, changes.values(f"line__{name}").order_by(f"line__{name}").distinct())
        for name in ("pattern_key", "action_category")
    )
    found = ArraySubquery(_in_force(Line.objects.filter(*named, module=request.module)))
    return {PULLS: Case(When(pk=first, then=found), default=Value(None))}


def opposing(spec: Pull) -> list[Opposition]:
    """Return what in force pulls against an override that is about to be drafted, on other lines. One query."""
    lines = Line.objects.filter(module=spec.module, pattern_key=spec.pattern_key, action_category=spec.action_category)
    rows = _in_force(lines)
    return opposition([spec], _pulls((row for (row,) in rows), {spec.line})).get(spec.line, [])


def opposing_changes(shown: Sequence[ChangeLine], changes: Sequence[Any]) -> dict[str, list[Opposition]]:
    """Return line -> what pulls against what the shown changes bring, once all changes of the request are in force.

    `changes` carry the annotation of `pulls_in_force`.
    """
    brought = {change.line_id: Pull.of(change.after.spec) for change in changes if change.after is not None}
    rows = next((found for change in changes if (found := getattr(change, PULLS))), ())
    beside = [*brought.values(), *_pulls(rows, {change.line_id for change in changes})]
    return opposition([brought[change.line_id] for change in shown if change.line_id in brought], beside)


def _in_force(lines: QuerySet[Line]) -> QuerySet[Override, tuple[Any, ...]]:
    """Return the overrides in force on these lines as JSON, at most `MOST`, those with most trades.

    They are chosen by their numbers of trades before anything else of them is read.
    """
    rows = Membership.objects.filter(_IsAnyOf("line_id", lines.values("pk")), to_version=None)
    most = rows.order_by("-override__n", "line_id")[:MOST].values("override_id")
    return Override.objects.filter(_IsAnyOf("pk", most)).order_by().values_list(JSONObject(**FIELDS))


class _IsAnyOf(Func):
    """SQL condition: a column has one of the values of a query, all of which are read before any row is.

    Of `IN` PostgreSQL makes a join, which here reads every override in force.
    """

    template, arg_joiner, output_field = "%(expressions)s)", " = ANY(", BooleanField()

    def __init__(self, column: str, values: QuerySet[Any, Any], **extra: Any) -> None:
        super().__init__(F(column), ArraySubquery(values), **extra)


def _pulls(rows: Iterable[Mapping[str, Any]], replaced: Collection[str]) -> list[Pull]:
    return [Pull(**row) for row in rows if row["line"] not in replaced]
