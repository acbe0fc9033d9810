"""Overrides in force that pull against the lines of a request, or against one that is about to be drafted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, F, Func, Q, QuerySet
from django.db.models.functions import JSONObject

from overrides.core.governance.overlaps import Opposition, Pull, opposition
from overrides.models import ChangeLine, Line, Membership, Override
from overrides.versions.load_version import InForce, in_version

MOST = 500  # overrides in force that are compared, those with most trades
VERSIONS_KEPT = 16  # versions and patterns whose pulls a process keeps
FIELDS = {
    "override": F("pk"),
    "line": F("line_id"),
    "module": F("line__module"),
    "pattern_key": F("line__pattern_key"),
    "action_category": F("line__action_category"),
    "scope": F("line__scope"),
    "levers": F("levers"),
}


def opposing(spec: Pull) -> list[Opposition]:
    """Return what in force pulls against an override that is about to be drafted, on other lines. One query."""
    lines = Line.objects.filter(module=spec.module, pattern_key=spec.pattern_key, action_category=spec.action_category)
    rows = _held(lines, Q(to_version=None))
    return opposition([spec], _besides(_pulls(rows), {spec.line})).get(spec.line, [])


def opposing_changes(
    shown: Sequence[ChangeLine], changes: Sequence[ChangeLine], in_force: InForce
) -> dict[str, list[Opposition]]:
    """Return line -> what pulls against what the shown changes bring, once all changes of the request are in force."""
    brought = {change.line_id: Pull.of(change.after.spec) for change in changes if change.after is not None}
    wanted = [brought[change.line_id] for change in shown if change.line_id in brought]
    standing: tuple[Pull, ...] = ()
    if in_force.version is not None and in_force.number is not None and wanted:
        patterns, categories = ({getattr(pull, name) for pull in wanted} for name in ("pattern_key", "action_category"))
        named = tuple(sorted(patterns)), tuple(sorted(categories))
        standing = _pulls_of_version(in_force.module, in_force.number, in_force.version.content_hash, *named)
    beside = [*brought.values(), *_besides(standing, {change.line_id for change in changes})]
    return opposition(wanted, beside)


@lru_cache(maxsize=VERSIONS_KEPT)
def _pulls_of_version(
    module: str, number: int, content_hash: str, patterns: tuple[str, ...], categories: tuple[str, ...]
) -> tuple[Pull, ...]:
    """Return the pulls of a version on some patterns and actions. What a version holds never changes, so it is kept."""
    lines = Line.objects.filter(module=module, pattern_key__in=patterns, action_category__in=categories)
    return tuple(_pulls(_held(lines, in_version(number))))


def _held(lines: QuerySet[Line], held: Q) -> QuerySet[Override, tuple[Any, ...]]:
    """Return the overrides held on these lines as JSON, at most `MOST`, those with most trades.

    They are chosen by their numbers of trades before anything else of them is read.
    """
    rows = Membership.objects.filter(_IsAnyOf("line_id", lines.values("pk")), held)
    most = rows.order_by("-override__n", "line_id")[:MOST].values("override_id")
    return Override.objects.filter(_IsAnyOf("pk", most)).order_by().values_list(JSONObject(**FIELDS))


class _IsAnyOf(Func):
    """SQL condition: a column has one of the values of a query, all of which are read before any row is.

    Of `IN` PostgreSQL makes a join, which here reads every override in force.
    """

    template, arg_joiner, output_field = "%(expressions)s)", " = ANY(", BooleanField()

    def __init__(self, column: str, values: QuerySet[Any, Any], **extra: Any) -> None:
        super().__init__(F(column), ArraySubquery(values), **extra)


def _pulls(rows: Iterable[tuple[Mapping[str, Any], ...]]) -> Iterable[Pull]:
    return (Pull(**row) for (row,) in rows)


def _besides(pulls: Iterable[Pull], replaced: Collection[str]) -> list[Pull]:
    return [pull for pull in pulls if pull.line not in replaced]
