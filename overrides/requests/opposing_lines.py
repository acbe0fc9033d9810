"""Overrides in force that pull against the lines of a request, or against one that is about to be drafted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, F, QuerySet, Subquery, Value, When
from django.db.models.functions import JSONObject

from overrides.core.governance.overlaps import Opposition, Pull, opposition
from overrides.models import ChangeLine, ChangeRequest, Membership

MOST = 1000  # overrides in force that are compared, those with most trades
PULLS = "pulls_in_force"
FIELDS = {
    "override": F("override_id"),
    "line": F("line_id"),
    "module": F("module"),
    "pattern_key": F("line__pattern_key"),
    "action_category": F("line__action_category"),
    "scope": F("line__scope"),
    "levers": F("override__levers"),
}


def pulls_in_force(request: ChangeRequest) -> Mapping[str, Case]:
    """Return an annotation of the lines of a request: what is in force on their patterns, on the first line only.

    It comes with the query of the lines, so that the page of a request needs no other one.
    """
    lines = ChangeLine.objects.filter(request=request)
    first = Subquery(lines.order_by("pk").values("pk")[:1])
    keys, categories = (lines.values(f"line__{name}") for name in ("pattern_key", "action_category"))
    found = ArraySubquery(_in_force(request.module, keys, categories).values_list(JSONObject(**FIELDS)))
    return {PULLS: Case(When(pk=first, then=found), default=Value(None))}


def opposing(spec: Pull) -> list[Opposition]:
    """Return what in force pulls against an override that is about to be drafted, on other lines. One query."""
    rows = _in_force(spec.module, [spec.pattern_key], [spec.action_category]).values_list(JSONObject(**FIELDS))
    return opposition([spec], _pulls((row for (row,) in rows), {spec.line})).get(spec.line, [])


def opposing_changes(shown: Sequence[ChangeLine], changes: Sequence[Any]) -> dict[str, list[Opposition]]:
    """Return line -> what pulls against what the shown changes bring, once all changes of the request are in force.

    `changes` carry the annotation of `pulls_in_force`.
    """
    brought = {change.line_id: Pull.of(change.after.spec) for change in changes if change.after is not None}
    rows = next((found for change in changes if (found := getattr(change, PULLS))), ())
    beside = [*brought.values(), *_pulls(rows, {change.line_id for change in changes})]
    return opposition([brought[change.line_id] for change in shown if change.line_id in brought], beside)


def _in_force(module: str, keys: Any, categories: Any) -> QuerySet[Membership]:
    """Return the overrides in force on these patterns and actions, those with most trades first."""
    rows = Membership.objects.filter(
        module=module, to_version=None, line__pattern_key__in=keys, line__action_category__in=categories
    )
    return rows.order_by("-override__n", "line_id")[:MOST]


def _pulls(rows: Iterable[Mapping[str, Any]], replaced: Collection[str]) -> list[Pull]:
    return [Pull(**row) for row in rows if row["line"] not in replaced]
