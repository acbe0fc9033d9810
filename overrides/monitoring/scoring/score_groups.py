"""Which overrides a scorecard is about: those of a line, a pattern, a learning method, a module or a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from overrides.models import Override, Scorecard
from overrides.requests.evidence import BY_HAND

Group = Scorecard.Group
MANUAL = "manual"  # the method of an override that somebody wrote
BUILDER = "builder, within mandates"

# The request that brought an override: the first one applied that adds it.
AUTHORS = """
SELECT DISTINCT ON (change.after_id) change.after_id,
    CASE WHEN request.route = 'mandate' THEN %s ELSE request.author_name END
FROM overrides_changeline AS change JOIN overrides_changerequest AS request ON request.id = change.request_id
WHERE request.state = 'applied' AND request.kind <> 'trial' AND change.after_id = ANY(%s)
ORDER BY change.after_id, request.closed_at, request.id
"""
# Whoever approved what was applied; a later vote of the same person on the same content replaces an earlier one.
APPROVED = """
SELECT DISTINCT change.after_id, change.line_id, line.module, person.username
FROM (
    SELECT DISTINCT ON (request_id, voter_id) request_id, voter_id, decision
    FROM overrides_vote JOIN overrides_changerequest AS request ON request.id = request_id
    WHERE request.state = 'applied' AND request.kind <> 'trial'
        AND overrides_vote.content_hash = request.content_hash
    ORDER BY request_id, voter_id, overrides_vote.id DESC
) AS vote
JOIN overrides_changeline AS change ON change.request_id = vote.request_id
JOIN overrides_line AS line ON line.id = change.line_id
JOIN auth_user AS person ON person.id = vote.voter_id
WHERE vote.decision = 'approve' AND change.after_id IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of an override: its line with module and pattern, and its learning method."""

    module: str
    line: str
    pattern: str
    method: str


@dataclass(frozen=True, slots=True)
class Key:
    """What identifies a scorecard."""

    group: Group
    module: str
    name: str


@dataclass(frozen=True)
class Grouped:
    """The overrides of each scorecard, and how many lines each reviewer decided."""

    overrides: Mapping[Key, Collection[str]]
    decided: Mapping[Key, int]


def places_of(overrides: Collection[str]) -> dict[str, Place]:
    """Return what is known of these overrides."""
    rows = Override.objects.filter(pk__in=overrides).values_list(
        "pk", "line__module", "line_id", "line__pattern_key", "line__policy", "source"
    )
    return {
        pk: Place(module, line, pattern, MANUAL if source == BY_HAND else policy)
        for pk, module, line, pattern, policy, source in rows
    }


def grouped(places: Mapping[str, Place]) -> Grouped:
    """Return the scorecards that these overrides belong to."""
    found: defaultdict[Key, list[str]] = defaultdict(list)
    authors = _authors(list(places))
    for override, place in places.items():
        names = {Group.MODULE: place.module, Group.METHOD: place.method, Group.PATTERN: place.pattern}
        names |= {Group.LINE: place.line}
        if override in authors:
            names[Group.AUTHOR] = authors[override]
        for group, name in names.items():
            found[Key(group, place.module, name)].append(override)
    lines: defaultdict[Key, set[str]] = defaultdict(set)
    for override, line, module, person in _rows(APPROVED, []):
        key = Key(Group.REVIEWER, module, person)
        lines[key].add(line)
        if override in places:
            found[key].append(override)
    return Grouped(found, {key: len(each) for key, each in lines.items()})


def _authors(overrides: list[str]) -> dict[str, str]:
    return {override: author for override, author, *_ in _rows(AUTHORS, [BUILDER, overrides])}


def _rows(statement: str, parameters: Sequence[Any]) -> list[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
