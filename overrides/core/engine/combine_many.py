"""Combine the overrides of many requests, in one pass over each bucket; to the bit as `combine` does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .combination import Combination, Request
from .combine import has_unknown_dimension, settled
from .combiners import COMBINERS
from .compiled import Bucket, Compiled, Key, Section, Selection
from .definitions.vocabulary import Combiner, ExclusionReason
from .listing import Blending, LeftOut, WeighedRows
from .scope_packing import Rows
from .taken import NO_CONTRIBUTIONS, NO_EXCLUSIONS, Contributions, Exclusions, Taken, Total
from .weights import Column, are_below, microseconds


def combine_many(compiled: Compiled, requests: Sequence[Request]) -> list[Combination]:
    """Return what `combine` returns for each request, in order."""
    by_key: dict[Key, list[int]] = {}
    for place, request in enumerate(requests):
        by_key.setdefault((request.module, request.pattern_key, request.action_category), []).append(place)
    found: list[list[tuple[Section, Taken]]] = [[] for _ in requests]
    for section in compiled.sections:
        for key, places in by_key.items():
            bucket = section.buckets.get(key)
            if bucket is not None:
                for place, taken in zip(places, _taken(bucket, section, [requests[at] for at in places]), strict=True):
                    if taken is not None:
                        found[place].append((section, taken))
    return [
        settled(taken, request.current, has_unknown=has_unknown_dimension(compiled, request.scope))
        for request, taken in zip(requests, found, strict=True)
    ]


def _taken(bucket: Bucket, section: Section, requests: Sequence[Request]) -> list[Taken | None]:
    """Return what the section's combiner takes for each request; None where nothing matches."""
    numbers, rows = bucket.scopes.rows_in_many([request.scope for request in requests])
    counts = np.bincount(numbers, minlength=len(requests))
    times = [microseconds(request.at) for request in requests]
    if section.combiner is Combiner.PLAN:
        return _Plan(bucket, section, numbers, rows, times).taken(counts)
    combiner = COMBINERS[section.combiner]
    ends = counts.cumsum().tolist()
    return [
        combiner(Selection(bucket, rows[end - count : end]), section, now) if count else None
        for end, count, now in zip(ends, counts.tolist(), times, strict=True)
    ]


class _Span(NamedTuple):
    """The place of one request's matches among those of all, and of the heavy ones among the heavy."""

    start: int
    matched: int
    first: int
    heavy: int


class _Plan:
    """The plan combiner over the matches of many requests, given as pairs of a request's number and a row.

    Sums run per request in id order: `bincount` adds the values of each number one after the other.
    """

    def __init__(self, bucket: Bucket, section: Section, numbers: Rows, rows: Rows, times: Sequence[int]) -> None:
        self._bucket, self._prior, self._n_requests = bucket, section.parameters.prior_weight, len(times)
        table = bucket.table.take(rows, axis=0)
        moments, weights = bucket.weighing.of_many(table, np.array(times, float)[numbers])
        below = are_below(weights, section.parameters.min_total_weight)
        self._light_rows, self._light_weights = rows[below], weights[below]
        heavy = ~below
        self._numbers, self._rows, self._weights = numbers[heavy], rows[heavy], weights[heavy]
        self._moments, self._units = [each[heavy] for each in moments], table[heavy, bucket.weighing.width :]

    def taken(self, counts: NDArray[np.intp]) -> list[Taken | None]:
        """Return what is taken per request; `counts` are the numbers of their matches."""
        totals, whole = self._totals()
        heavy = np.bincount(self._numbers, minlength=self._n_requests)
        starts, heavy_starts = counts.cumsum() - counts, heavy.cumsum() - heavy
        spans = map(_Span, starts.tolist(), counts.tolist(), heavy_starts.tolist(), heavy.tolist())
        return [
            self._taken(span, moved, row) if span.matched else None
            for span, moved, row in zip(spans, totals, whole.tolist(), strict=True)
        ]

    def _taken(self, span: _Span, totals: dict[str, Total], whole: list[float]) -> Taken:
        contributions, excluded = NO_CONTRIBUTIONS, NO_EXCLUSIONS
        if span.heavy < span.matched:
            excluded = Exclusions(span.matched - span.heavy, partial(self._left_out, span))
        if span.heavy:
            contributions = Contributions(span.heavy, partial(self._contributing, span, whole))
        return Taken(totals, contributions, excluded)

    def _contributing(self, span: _Span, whole: list[float]) -> WeighedRows:
        heavy = slice(span.first, span.first + span.heavy)
        moments, units = [each[heavy] for each in self._moments], [each[heavy] for each in self._units.T]
        return WeighedRows(Blending(self._bucket, self._rows[heavy], moments, self._weights[heavy], units, whole))

    def _left_out(self, span: _Span) -> LeftOut:
        first = span.start - span.first
        light = slice(first, first + span.matched - span.heavy)
        return LeftOut(self._bucket, self._light_rows[light], ExclusionReason.BELOW_FLOOR, self._light_weights[light])

    def _totals(self) -> tuple[list[dict[str, Total]], Column]:
        """Return the sums per lever that is moved, of each request, and what its weights are divided by."""
        size, levers = self._n_requests, self._bucket.levers
        totals: list[dict[str, Total]] = [{} for _ in range(size)]
        whole = np.full((size, len(levers)), math.inf)
        for column, name in enumerate(levers):
            units, numbers, weights = self._units[:, column], self._numbers, self._weights
            if not self._bucket.is_full:
                has = ~np.isnan(units)
                units, numbers, weights = units[has], numbers[has], weights[has]
            support = np.bincount(numbers, weights, minlength=size)
            divided = self._prior + support
            divided[divided == 0] = math.inf  # without a floor all weights can be 0, and so are the parts
            whole[:, column] = divided
            unit = np.bincount(numbers, weights / divided[numbers] * units, minlength=size).tolist()
            supports = support.tolist()
            for place in np.flatnonzero(np.bincount(numbers, minlength=size)).tolist():
                totals[place][name] = Total(unit[place], supports[place])
        return totals, whole
