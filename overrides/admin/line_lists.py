"""What the lists of lines and of rows about lines share: columns, the search by any part, and filters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Sum
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from overrides.core.engine.definitions.vocabulary import Channel, LearningMethod
from overrides.core.impact.reweighing import Crossing, Reweighing
from overrides.models import IdleOverride, Line, Membership, Override
from telemetry.foundation.admin.formatting import chips, pattern
from telemetry.foundation.admin.part_search import all_words, begins_an_id, said, terms
from telemetry.foundation.admin.read_only import DefaultFilter, one_of
from telemetry.models import AttributionShare

LINE_COLUMNS = ("module", "channel", "policy", "pattern_key", "action_category", "scope")
LINE_SEARCH = "any part of a pattern, action or scope value, or the beginning of an id; several words narrow the list"
CHANNEL_WORDS = {Channel.DM_ALLOC: "allocation", Channel.PM_STRENGTH: "strength", Channel.PM_TUNING: "tuning"}
BY_CHANNEL = one_of("line__channel", Channel, "levers")
BY_METHOD = one_of("line__policy", LearningMethod, "learning method")


SAID = ("pattern_key", "action_category", "scope")  # by a line; the index `line_by_words` is on them


def found_lines(rows: QuerySet[Line], term: str) -> QuerySet[Line]:
    """Return the lines whose id begins with the term, if there are any, otherwise those that say all its words."""
    words = terms(term)
    if not words:
        return rows
    if begins_an_id(term.strip()) and (by_id := rows.filter(pk__startswith=term.strip())).exists():
        return by_id
    return rows.alias(said=said(*SAID)).filter(all_words("said", words))


def found_by_line(rows: QuerySet[Any], term: str) -> QuerySet[Any]:
    """Return the rows about lines that the search finds, or whose own id begins with the term."""
    if not term.strip():
        return rows
    if begins_an_id(term.strip()) and rows.model is Override:
        by_id = rows.filter(pk__startswith=term.strip())
        if by_id.exists():
            return by_id
    return rows.filter(line__in=found_lines(Line.objects.all(), term).values("pk"))


def channel_words(channel: str, method: str) -> SafeString:
    """Format which levers a line moves, and by which method it is learned."""
    return format_html('{} <div class="cw-quiet">{}</div>', CHANNEL_WORDS[Channel(channel)], method)


def line_shown(line: Line) -> SafeString:
    """Format the pattern, the action and the scope of a line."""
    return format_html("{}<div>{}</div>", pattern(line.pattern_key, line.action_category), chips(line.scope))


def line_and_levers(line: Line) -> SafeString:
    """Format a line with which levers it moves, which distinguishes two lines of one scope."""
    levers = CHANNEL_WORDS[Channel(line.channel)]
    shown = pattern(line.pattern_key, line.action_category)
    return format_html('{} <span class="cw-quiet cw-small">{}</span><div>{}</div>', shown, levers, chips(line.scope))


def in_force() -> Exists:
    """Return the condition that an override is in force."""
    return Exists(Membership.objects.filter(override=OuterRef("pk"), to_version=None))


def not_in_force() -> Exists:
    """Return the condition that an override is not in force, by the mark that the database keeps."""
    return Exists(IdleOverride.objects.filter(override=OuterRef("pk")))


@dataclass(frozen=True)
class Crossed:
    """An override that starts or stops acting, with its line."""

    crossing: Crossing
    override: Override
    starts: bool


def crossings(effect: Reweighing) -> list[Crossed]:
    """Return the overrides that stop and that start to act, with their lines, in one query."""
    known = Override.objects.select_related("line").in_bulk(
        [each.name for each in (*effect.stopping, *effect.starting)]
    )
    sides = ((effect.stopping, False), (effect.starting, True))
    return [Crossed(each, known[each.name], starts) for side, starts in sides for each in side if each.name in known]


def earned_by(overrides: Iterable[str], lines: Iterable[str]) -> dict[str, float]:
    """Return what these overrides of these lines earned in closed trades, in R; one without any share is absent."""
    shares = AttributionShare.objects.filter(line_id__in=set(lines), override_id__in=set(overrides))
    return dict(shares.order_by().values_list("override_id").annotate(Sum("share")))


class InForceFilter(DefaultFilter):
    """Limits the list to overrides in force, which is the default, or to the others."""

    title = "in force"
    parameter_name = "in_force"
    words = "overrides in force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        return (("no", "not in force"),)

    def default(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(in_force())

    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(not_in_force() if value == "no" else in_force())
