"""Two engines to compare, and where requests meet other overrides, or other rules, in one than in the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from overrides.core.engine.combine import Matched
from overrides.core.engine.compiled import Bucket, Compiled, Key, Row
from overrides.core.engine.definitions.coefficients import weights_of
from overrides.core.engine.position_scaling import Scaling
from overrides.core.engine.scope_packing import PackedScopes

Found = tuple[tuple[int, ...], ...]  # per section the numbers of the rows that match
NOBODY = Bucket((), PackedScopes([]))
UNSCALED = Scaling()


@dataclass(frozen=True)
class VersionSide:
    """One of the two engines, always on."""

    compiled: Compiled
    protected_motifs: frozenset[str]
    scaling: Scaling = UNSCALED

    @cached_property
    def rules(self) -> Any:
        """All that levers depend on besides the overrides that match."""
        sections = [(each.channel, each.combiner, each.parameters) for each in self.compiled.sections]
        return sections, self.protected_motifs

    def buckets(self, key: Key) -> list[Bucket]:
        """Where overrides of a pattern lie, by section; nowhere if its motif is protected."""
        is_protected, sections = self._protects(key), self.compiled.sections
        return [NOBODY if is_protected else section.buckets.get(key, NOBODY) for section in sections]

    def scaling_of(self, key: Key) -> Scaling:
        """What scales an allocation of a pattern beside its levers; pm's cap needs what dm answered: left out."""
        return UNSCALED if key[0] != "dm" or self._protects(key) else self.scaling

    def _protects(self, key: Key) -> bool:
        return key[1].rpartition(".")[2] in self.protected_motifs


class RequestGroup(NamedTuple):
    """What requests of equal scope meet on either side; the very same object where nothing tells the sides apart."""

    before: Matched
    after: Matched

    @property
    def is_equal(self) -> bool:
        return self.before is self.after


class DifferingScope:
    """A pattern and category. Requests are told apart by the dimensions that its overrides ask for, on either side."""

    def __init__(self, key: Key, before: VersionSide, after: VersionSide, has_same_rules: bool) -> None:
        self._before, self._after, self._has_same_rules = before.buckets(key), after.buckets(key), has_same_rules
        buckets = [*self._before, *self._after]
        self._dimensions = sorted({name for bucket in buckets for name in bucket.scopes.dimensions})
        self._has_same_rows = [_ids(each.rows) for each in self._before] == [_ids(each.rows) for each in self._after]
        self.scaling = before.scaling_of(key), after.scaling_of(key)
        self._is_reweighed = self.scaling[0] != self.scaling[1]
        self.has_product = self._is_reweighed or any(each.cap is not None for each in self.scaling)
        self.is_touched = (
            self._is_reweighed or not self._has_same_rows or (not has_same_rules and any(each.rows for each in buckets))
        )
        self._meetings: dict[tuple[Found, Found], RequestGroup | None] = {}
        self._groups: dict[tuple[str | None, ...], RequestGroup | None] = {}

    def is_reached(self, scope: Mapping[str, str], group: RequestGroup | None) -> bool:
        """Whether the change can tell on requests of the scope."""
        if group is not None and not group.is_equal:
            return True
        if not self._is_reweighed:
            return False
        before, after = (weights_of(each.weights, scope) for each in self.scaling)
        if before != after:
            return True
        # A cap is 1 or more: it never cuts what nothing moves.
        return self.scaling[0].cap != self.scaling[1].cap and (bool(before) or group is not None)

    def group(self, scope: Mapping[str, str]) -> RequestGroup | None:
        """None where they meet nobody, or the same on both sides and weigh the same too."""
        values = tuple(scope.get(name) for name in self._dimensions)
        if values not in self._groups:
            self._groups[values] = self._met(scope)
        return self._groups[values]

    def _met(self, scope: Mapping[str, str]) -> RequestGroup | None:
        """Looked up once where both sides hold the same overrides; many scopes meet the same ones."""
        found = _found(self._before, scope)
        meeting = found, found if self._has_same_rows else _found(self._after, scope)
        if meeting not in self._meetings:
            self._meetings[meeting] = self._grouped(*meeting)
        return self._meetings[meeting]

    def _grouped(self, found: Found, found_after: Found) -> RequestGroup | None:
        before, after = _taken(self._before, found), _taken(self._after, found_after)
        if not any(before.rows) and not any(after.rows):
            return None
        if self._has_same_rules and list(map(_ids, before.rows)) == list(map(_ids, after.rows)):
            return RequestGroup(before, before) if self._is_reweighed else None
        return RequestGroup(before, after)


def _found(buckets: Sequence[Bucket], scope: Mapping[str, str]) -> Found:
    return tuple(tuple(bucket.scopes.contained_in(scope)) if bucket.rows else () for bucket in buckets)


def _ids(rows: Sequence[Row]) -> list[str]:
    return [row.id for row in rows]


def _taken(buckets: Sequence[Bucket], found: Found) -> Matched:
    rows = ([bucket.rows[index] for index in indexes] for bucket, indexes in zip(buckets, found, strict=True))
    return Matched(tuple(rows), False)  # whether a dimension is known moves no lever
