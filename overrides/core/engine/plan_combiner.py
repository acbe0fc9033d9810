"""The combiner of the plan: it blends targets by weight (docs/method.md 4.4).

Up to `FEW` overrides a loop over plain numbers is faster than the fixed cost of columns; both ways agree to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from .compiled import Bucket, Section, Selection
from .definitions.vocabulary import ExclusionReason
from .listing import Blending, LeftOut, WeighedFew, WeighedRows
from .plain_rows import MOVES, NUMBERS, PRODUCT, ROW, PlainRow
from .scope_packing import Rows
from .taken import NO_CONTRIBUTIONS, NO_EXCLUSIONS, Contributions, Exclusions, Taken, Total, last_sum
from .weighing import STATIC
from .weights import ROUNDED_AWAY, Column, are_below, is_below

FEW = 60  # overrides, measured
BELOW_FLOOR = ExclusionReason.BELOW_FLOOR
_new = tuple.__new__  # of a class and a tuple of its fields; calling the class takes twice as long


def plan(found: Selection, section: Section, now: int) -> Taken:
    """Blend targets by weight: part = w * unit / (prior_weight + sum of w).

    Overrides whose weight is below the floor are excluded. Most of those are before their age is looked at: the factors
    that depend on the time of the request are at most 1.
    """
    return (_plan_of_few if found.rows.size <= FEW else _plan_of_many)(found, section, now)


def _plan_of_few(found: Selection, section: Section, now: int) -> Taken:
    bucket, floor = found.bucket, section.parameters.min_total_weight
    matching, at, weigh = bucket.plain(found.rows.tolist()), float(now), bucket.weighing.of_row
    surely, lightest = floor + ROUNDED_AWAY, floor - ROUNDED_AWAY
    heavy: list[PlainRow] = []
    weights: list[float] = []
    for row in matching:
        if row[PRODUCT] >= lightest:
            weight = weigh(row[NUMBERS], at)
            if weight >= surely or (weight >= lightest and not is_below(weight, floor)):
                heavy.append(row)
                weights.append(weight)
    excluded = NO_EXCLUSIONS
    if len(heavy) < len(matching):
        excluded = Exclusions(len(matching) - len(heavy), partial(_left_out, bucket, matching, heavy, at))
        if not heavy:
            return Taken({}, NO_CONTRIBUTIONS, excluded)
    totals, whole = _blended(heavy, weights, section.parameters.prior_weight)
    contributions = Contributions(len(heavy), partial(WeighedFew, bucket, heavy, at, weights, whole))
    return _new(Taken, (totals, contributions, excluded))


def _left_out(bucket: Bucket, matching: Sequence[PlainRow], heavy: Sequence[PlainRow], at: float) -> LeftOut:
    """Return the exclusions of the matching rows that are too light."""
    taken = {row[ROW] for row in heavy}
    light = [row for row in matching if row[ROW] not in taken]
    weights = [bucket.weighing.of_row(row[NUMBERS], at) for row in light]
    return LeftOut(bucket, np.array([row[ROW] for row in light]), BELOW_FLOOR, weights)


def _blended(
    rows: Sequence[PlainRow], weights: Sequence[float], prior: float
) -> tuple[dict[str, Total], dict[str, float]]:
    """Return the sums, and what the weights are divided by, of each lever that is moved."""
    moved: dict[str, list[tuple[float, float]]] = {}
    for row, weight in zip(rows, weights, strict=True):
        for name, unit in row[MOVES]:
            if name in moved:
                moved[name].append((weight, unit))
            else:
                moved[name] = [(weight, unit)]
    totals: dict[str, Total] = {}
    wholes: dict[str, float] = {}
    for name, by_row in moved.items():
        support = unit_sum = 0.0
        for weight, _ in by_row:
            support += weight
        wholes[name] = whole = prior + support or math.inf  # without a floor all weights can be 0, and so are the parts
        for weight, unit in by_row:
            unit_sum += weight / whole * unit
        totals[name] = _new(Total, (unit_sum, support, False))
    return totals, wholes


def _plan_of_many(found: Selection, section: Section, now: int) -> Taken:
    bucket, floor, excluded = found.bucket, section.parameters.min_total_weight, NO_EXCLUSIONS
    table, rows = bucket.table.take(found.rows, axis=0), found.rows
    heavy = (table[:, STATIC] >= floor - ROUNDED_AWAY).nonzero()[0]
    if heavy.size < rows.size:
        table, rows = table.take(heavy, axis=0), rows.take(heavy)
    moments, weights = bucket.weighing.of_many(table, now)
    below = are_below(weights, floor)
    if np.count_nonzero(below):
        heavy = (~below).nonzero()[0]
        table, rows, weights = table.take(heavy, axis=0), rows.take(heavy), weights.take(heavy)
        moments = [each.take(heavy) for each in moments]
    if n_light := found.rows.size - rows.size:
        excluded = Exclusions(n_light, partial(_left_out_of_many, found, rows, now))
        if not rows.size:
            return Taken({}, NO_CONTRIBUTIONS, excluded)
    units = table[:, bucket.weighing.width :]
    totals, whole = _blended_columns(bucket, units, weights, section.parameters.prior_weight)
    contributions = partial(WeighedRows, Blending(bucket, rows, moments, weights, list(units.T), whole))
    return Taken(totals, Contributions(len(weights), contributions), excluded)


def _left_out_of_many(found: Selection, heavy: Rows, now: int) -> LeftOut:
    """Return the exclusions of the matching rows that are too light."""
    bucket, rows = found.bucket, np.setdiff1d(found.rows, heavy, assume_unique=True)
    _, weights = bucket.weighing.of_many(bucket.table.take(rows, axis=0), now)
    return LeftOut(bucket, rows, BELOW_FLOOR, weights)


def _blended_columns(
    bucket: Bucket, units: Column, weights: Column, prior: float
) -> tuple[dict[str, Total], list[float]]:
    """Return what `_blended` returns, to the bit, of units of shape (overrides, levers)."""
    totals, wholes = {}, []
    for name, column in zip(bucket.levers, units.T, strict=True):
        moving = (column == column).nonzero()[0]  # NaN where there is no target
        units_there, carried = column, weights
        if moving.size < column.size:
            units_there, carried = column.take(moving), weights.take(moving)
        support = last_sum(carried) if moving.size else 0.0
        whole = prior + support or math.inf
        wholes.append(whole)
        if moving.size:
            totals[name] = _new(Total, (last_sum(carried / whole * units_there), support, False))
    return totals, wholes
