"""Two engines to compare, and where requests meet other overrides, or other rules, in one than in the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from .combine import Matched
from .compiled import Bucket, Compiled, Key, Row
from .packing import PackedScopes

Found = tuple[tuple[int, ...], ...]  # per section the numbers of the rows that match
NOBODY = Bucket((), PackedScopes([]))


@dataclass(frozen=True)
class Side:
    """One of the two engines, always on."""

    compiled: Compiled
    protected_motifs: frozenset[str]

    @cached_property
    def rules(self) -> Any:
        """All that answers depend on besides the overrides that match."""
        sections = [(each.channel, each.combiner, each.parameters) for each in self.compiled.sections]
        return sections, self.protected_motifs

    def buckets(self, key: Key) -> list[Bucket]:
        """Where overrides of a pattern lie, by section; nowhere if its motif is protected."""
        is_protected = key[1].rpartition(".")[2] in self.protected_motifs
        sections = self.compiled.sections
        return [NOBODY if is_protected else section.buckets.get(key, NOBODY) for section in sections]


class Group(NamedTuple):
    """What requests of equal scope meet on either side, where that is not the same."""

    before: Matched
    after: Matched


class Place:
    """A pattern and category. Requests are told apart by the dimensions that its overrides ask for, on either side."""

    def __init__(self, key: Key, before: Side, after: Side, has_same_rules: bool) -> None:
        self._before, self._after, self._has_same_rules = before.buckets(key), after.buckets(key), has_same_rules
        buckets = [*self._before, *self._after]
        self._dimensions = sorted({name for bucket in buckets for name in bucket.scopes.dimensions})
        self._has_same_rows = [_ids(each.rows) for each in self._before] == [_ids(each.rows) for each in self._after]
        self.is_touched = not self._has_same_rows or (not has_same_rules and any(each.rows for each in buckets))
        self._meetings: dict[tuple[Found, Found], Group | None] = {}
        self._groups: dict[tuple[str | None, ...], Group | None] = {}

    def group(self, scope: Mapping[str, str]) -> Group | None:
        values = tuple(scope.get(name) for name in self._dimensions)
        if values not in self._groups:
            self._groups[values] = self._met(scope)
        return self._groups[values]

    def _met(self, scope: Mapping[str, str]) -> Group | None:
        """Looked up once where both sides hold the same overrides; many scopes meet the same ones."""
        found = _found(self._before, scope)
        meeting = found, found if self._has_same_rows else _found(self._after, scope)
        if meeting not in self._meetings:
            self._meetings[meeting] = self._grouped(*meeting)
        return self._meetings[meeting]

    def _grouped(self, found: Found, found_after: Found) -> Group | None:
        before, after = _taken(self._before, found), _taken(self._after, found_after)
        if self._has_same_rules and list(map(_ids, before.rows)) == list(map(_ids, after.rows)):
            return None
        return Group(before, after) if any(before.rows) or any(after.rows) else None


def _found(buckets: Sequence[Bucket], scope: Mapping[str, str]) -> Found:
    return tuple(tuple(bucket.scopes.contained_in(scope)) if bucket.rows else () for bucket in buckets)


def _ids(rows: Sequence[Row]) -> list[str]:
    return [row.id for row in rows]


def _taken(buckets: Sequence[Bucket], found: Found) -> Matched:
    rows = ([bucket.rows[index] for index in indexes] for bucket, indexes in zip(buckets, found, strict=True))
    return Matched(tuple(rows), False)  # whether a dimension is known moves no lever
