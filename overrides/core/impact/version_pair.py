"""A pair of compiled versions (before and after a change), and the requests that they can answer differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from overrides.core.engine.combine import Matched
from overrides.core.engine.compile_overrides import bucket_of_nothing
from overrides.core.engine.compiled import Bucket, Compiled, Key, ScopeReading, Selection
from overrides.core.engine.definitions.coefficients import weights_of
from overrides.core.engine.definitions.universe import UNIVERSE
from overrides.core.engine.position_scaling import Scaling

MatchedRows = tuple[tuple[int, ...], ...]  # per section, the numbers of the matching rows
EMPTY_BUCKET = bucket_of_nothing()
UNSCALED = Scaling()


@dataclass(frozen=True)
class VersionSide:
    """One of the two engines; its serving mode is taken as on."""

    compiled: Compiled
    protected_motifs: frozenset[str]
    scaling: Scaling = UNSCALED

    @cached_property
    def rules(self) -> Any:
        """Everything besides the matching overrides that levers depend on; equal rules compare equal."""
        sections = [(each.channel, each.combiner, each.parameters) for each in self.compiled.sections]
        return sections, self.protected_motifs

    @property
    def reading(self) -> ScopeReading:
        """How scopes are read: a request of another universe gets neutral levers, and no coefficients."""
        return self.compiled.reading

    def buckets(self, key: Key) -> list[Bucket]:
        """Return the bucket of a pattern per section; empty buckets if its motif is protected."""
        is_protected, sections = self._protects(key), self.compiled.sections
        return [EMPTY_BUCKET if is_protected else section.buckets.get(key, EMPTY_BUCKET) for section in sections]

    def scaling_of(self, key: Key) -> Scaling:
        """Return what scales an allocation beside its levers.

        The cap of pm is left out, as it needs the answer of dm.
        """
        return UNSCALED if key[0] != "dm" or self._protects(key) else self.scaling

    def _protects(self, key: Key) -> bool:
        return key[1].rpartition(".")[2] in self.protected_motifs


class RequestGroup(NamedTuple):
    """The overrides that requests of equal scope match on each side; the same object if the sides do not differ."""

    before: Matched
    after: Matched

    @property
    def is_equal(self) -> bool:
        """Whether both sides answer with the same overrides."""
        return self.before is self.after


class DifferingScope:
    """A pattern key and category; groups its requests by the dimensions that its overrides use on either side."""

    def __init__(self, key: Key, before: VersionSide, after: VersionSide, has_same_rules: bool) -> None:
        self._before, self._after, self._has_same_rules = before.buckets(key), after.buckets(key), has_same_rules
        buckets = [*self._before, *self._after]
        self._dimensions = sorted({UNIVERSE, *(name for bucket in buckets for name in bucket.scopes.dimensions)})
        self._readings = before.reading, after.reading
        reads_alike = before.reading == after.reading
        has_same_ids = [each.ids for each in self._before] == [each.ids for each in self._after]
        self._has_same_rows = reads_alike and has_same_ids
        self._scaling = before.scaling_of(key), after.scaling_of(key)
        self._is_reweighed = self._scaling != (UNSCALED, UNSCALED) and (
            self._scaling[0] != self._scaling[1] or not reads_alike
        )
        self.has_product = self._is_reweighed or any(each.cap is not None for each in self._scaling)
        self.is_touched = (
            self._is_reweighed or not self._has_same_rows or (not has_same_rules and any(map(len, buckets)))
        )
        self._matches: dict[tuple[MatchedRows, MatchedRows], RequestGroup | None] = {}
        self._groups: dict[tuple[str | None, ...], RequestGroup | None] = {}

    def is_reached(self, scope: Mapping[str, str], group: RequestGroup | None) -> bool:
        """Return whether the change can affect requests with this scope."""
        if group is not None and not group.is_equal:
            return True
        if not self._is_reweighed:
            return False
        one, other = self.scaling_of(scope)
        before, after = weights_of(one.weights, scope), weights_of(other.weights, scope)
        if before != after:
            return True
        # A cap is at least 1, so it never cuts neutral levers.
        return one.cap != other.cap and (bool(before) or group is not None)

    def scaling_of(self, scope: Mapping[str, str]) -> tuple[Scaling, Scaling]:
        """Return what scales an allocation with this scope, before and after."""
        one, other = (
            UNSCALED if reading.refuses(scope) else scaling
            for reading, scaling in zip(self._readings, self._scaling, strict=True)
        )
        return one, other

    def group(self, scope: Mapping[str, str]) -> RequestGroup | None:
        """Return the group of a scope; None if no override matches, or if both sides match the same ones equally."""
        values = tuple(scope.get(name) for name in self._dimensions)
        if values not in self._groups:
            self._groups[values] = self._matched(scope)
        return self._groups[values]

    def _matched(self, scope: Mapping[str, str]) -> RequestGroup | None:
        """Return the group of a scope, computed once per combination of matching rows, which many scopes share."""
        before, after = self._readings
        rows = _matching_rows(self._before, before, scope)
        match = rows, rows if self._has_same_rows else _matching_rows(self._after, after, scope)
        if match not in self._matches:
            self._matches[match] = self._grouped(*match)
        return self._matches[match]

    def _grouped(self, rows: MatchedRows, rows_after: MatchedRows) -> RequestGroup | None:
        before, after = _taken(self._before, rows), _taken(self._after, rows_after)
        if not any(before.rows) and not any(after.rows):
            return None
        if self._has_same_rules and _ids(before) == _ids(after):
            return RequestGroup(before, before) if self._is_reweighed else None
        return RequestGroup(before, after)


def _matching_rows(buckets: Sequence[Bucket], reading: ScopeReading, scope: Mapping[str, str]) -> MatchedRows:
    if reading.refuses(scope):
        return ((),) * len(buckets)
    return tuple(tuple(bucket.scopes.contained_in(scope)) if len(bucket) else () for bucket in buckets)


def _ids(matched: Matched) -> list[list[str]]:
    return [[] if each is None else each.ids for each in matched.rows]


def _taken(buckets: Sequence[Bucket], matched: MatchedRows) -> Matched:
    rows = (
        Selection(bucket, np.array(found, np.intp)) if found else None
        for bucket, found in zip(buckets, matched, strict=True)
    )
    return Matched(tuple(rows), False)  # unknown dimensions are only flagged; they move no lever
