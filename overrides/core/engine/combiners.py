"""The three combiners: matching overrides in, contributions and exclusions out, both in id order (docs/method.md 4).

A combiner decides which overrides take part, and with which part of each lever, and sums the parts in id order. The
step limit and the bounds are the same for all combiners and are in `combine`.

Each is a pass over columns. Up to `FEW` overrides a loop over plain numbers is faster than the fixed cost of columns;
`plan` has both, and they agree to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from .compiled import Bucket, Section, Selection
from .definitions.levers import LEVERS
from .definitions.vocabulary import Blend, Combiner, ExclusionReason
from .listing import Blending, LeftOut, UnweighedRows, WeighedRows
from .ramp import HOURS_PER_STEP, ramped
from .scope_packing import Rows
from .taken import NO_CONTRIBUTIONS, NO_EXCLUSIONS, Contributions, Exclusions, Taken, Total, added
from .weights import DAY, Column, age_in_days, are_below, is_below, microseconds

FEW = 24
MICROSECONDS, SECONDS_PER_HOUR = 1e6, 3600.0


def plan(found: Selection, section: Section, at: datetime) -> Taken:
    """Blend targets by weight: part = w * unit / (prior_weight + sum of w); docs/method.md 4.4.

    Overrides whose weight is below the floor are excluded.
    """
    return (_plan_of_few if len(found) <= FEW else _plan_of_many)(found, section, at)


def _plan_of_many(found: Selection, section: Section, at: datetime) -> Taken:
    bucket, rows = found.bucket, found.rows
    moments, weights = bucket.weight.of_rows(rows, _ages(found, at))
    below = are_below(weights, section.parameters.min_total_weight)
    excluded = NO_EXCLUSIONS
    if below.any():
        excluded = _left_out(bucket, rows[below], ExclusionReason.BELOW_FLOOR, weights[below].tolist())
        kept = ~below
        rows, weights, moments = rows[kept], weights[kept], tuple([moment[kept] for moment in moments])
    if rows.size == 0:
        return Taken({}, NO_CONTRIBUTIONS, excluded)
    moves, has = bucket.moves, bucket.moves.has(rows)
    each = np.repeat(weights[:, None], len(moves.levers), axis=1) if has is None else weights[:, None] * has
    support = added(each)
    whole = section.parameters.prior_weight + support
    whole[whole == 0] = math.inf  # without a floor all weights can be 0, and so are the parts
    blend = Blending(bucket, rows, [moment.tolist() for moment in moments], weights.tolist(), whole.tolist())
    totals = _totals(moves.levers, blend.parts(), has, support.tolist())
    return Taken(totals, Contributions(WeighedRows(blend)), excluded)


def _plan_of_few(found: Selection, section: Section, at: datetime) -> Taken:
    bucket, rows, now = found.bucket, found.rows, microseconds(at)
    ages = [age_in_days(updated, now) for updated in bucket.updated[rows].tolist()]
    moments, weights = bucket.weight.of_few(rows, ages)
    floor = section.parameters.min_total_weight
    heavy: list[int] = []
    light: list[int] = []
    for place, weight in enumerate(weights):
        (light if is_below(weight, floor) else heavy).append(place)
    excluded = NO_EXCLUSIONS
    if light:
        excluded = _left_out(bucket, rows[light], ExclusionReason.BELOW_FLOOR, [weights[place] for place in light])
        rows, weights = rows[heavy], [weights[place] for place in heavy]
        moments = [[moment[place] for place in heavy] for moment in moments]
    if not heavy:
        return Taken({}, NO_CONTRIBUTIONS, excluded)
    totals, whole = _blended(bucket, rows, weights, section.parameters.prior_weight)
    return Taken(totals, Contributions(WeighedRows(Blending(bucket, rows, moments, weights, whole))), excluded)


def _blended(
    bucket: Bucket, rows: Rows, weights: Sequence[float], prior: float
) -> tuple[dict[str, Total], list[float]]:
    """Return the sums per lever, and what the weights are divided by per column."""
    levers, sets = bucket.moves.levers, bucket.moves.sets_of(rows)
    support, units = [0.0] * len(levers), [0.0] * len(levers)
    for weight, columns in zip(weights, sets, strict=True):
        for column in columns:
            support[column] += weight
    whole = [prior + each or math.inf for each in support]  # without a floor all weights can be 0, as are the parts
    for weight, columns, row in zip(weights, sets, bucket.moves.units[rows].tolist(), strict=True):
        for column in columns:
            units[column] += weight / whole[column] * row[column]
    moved = sets[0] if len(bucket.moves.sets) == 1 else set().union(*sets)
    return {levers[column]: Total(units[column], support[column]) for column in moved}, whole


def most_specific(found: Selection, section: Section, at: datetime) -> Taken:
    """Let one override set each lever: the one with most dimensions, then the largest n, then the first id."""
    bucket, rows = found.bucket, found.rows
    moves, has = bucket.moves, bucket.moves.has(rows)
    order = np.lexsort((rows, -bucket.basis.n[rows], -bucket.basis.dims[rows]))  # the last key decides first
    acts = np.zeros((rows.size, len(moves.levers)), np.bool_)
    for column in range(len(moves.levers)):
        carrying = order if has is None else order[has[order, column]]
        acts[carrying[:1], column] = True
    deciding = acts.any(axis=1)
    rows, acts = rows[deciding], acts[deciding]
    units = np.where(acts, moves.units[rows], 0.0)
    deciders = UnweighedRows(bucket, rows, units, moves.targets[rows], acts)
    return Taken(_totals(moves.levers, units, acts), Contributions(deciders), NO_EXCLUSIONS)


def evidence(found: Selection, section: Section, at: datetime) -> Taken:
    """Let every override add its own part, as far as its ramp has come; evidence that is too old is excluded."""
    bucket, rows = found.bucket, found.rows
    excluded = NO_EXCLUSIONS
    if section.parameters.max_evidence_age_days is not None:
        stale = _ages(found, at) > section.parameters.max_evidence_age_days
        if stale.any():
            excluded, rows = _left_out(bucket, rows[stale], ExclusionReason.STALE), rows[~stale]
    units, targets, moves = bucket.moves.units[rows], bucket.moves.targets[rows], bucket.moves
    ramping = None
    if bucket.ramps is not None:
        hours = (microseconds(at) - bucket.ramps.since[rows]) / MICROSECONDS / SECONDS_PER_HOUR
        reach = (np.maximum(hours, 0.0) / HOURS_PER_STEP)[:, None] * _reach(section, moves.levers)
        ramping = np.abs(bucket.ramps.distances[rows]) > reach
        for row, column in zip(*(each.tolist() for each in ramping.nonzero()), strict=True):
            lever = LEVERS[moves.levers[column]]
            start, step = float(bucket.ramps.starts[rows[row], column]), section.limits[lever.name].step
            value = ramped(lever.blend, step, start, float(targets[row, column]), float(hours[row]))
            ramping[row, column] = value != targets[row, column]
            targets[row, column], units[row, column] = value, lever.unit(value)
    if rows.size == 0:
        return Taken({}, NO_CONTRIBUTIONS, excluded)
    under_way = set() if ramping is None else set(np.flatnonzero(ramping.any(axis=0)).tolist())
    totals = _totals(moves.levers, units, moves.has(rows), ramping=under_way)
    return Taken(totals, Contributions(UnweighedRows(bucket, rows, units, targets, ramping=ramping)), excluded)


def _totals(
    levers: Sequence[str],
    parts: Column,
    has: NDArray[np.bool_] | None,
    support: Sequence[float] | None = None,
    ramping: Collection[int] = (),
) -> dict[str, Total]:
    """Return what the parts sum up to, per lever that an override moves."""
    moved = list(range(len(levers))) if has is None else np.flatnonzero(has.any(axis=0)).tolist()
    units = added(parts).tolist()
    return {
        levers[column]: Total(units[column], None if support is None else support[column], column in ramping)
        for column in moved
    }


def _left_out(bucket: Bucket, rows: Rows, why: ExclusionReason, weights: Sequence[float] | None = None) -> Exclusions:
    return Exclusions(LeftOut(bucket, rows, why, weights))


def _ages(found: Selection, at: datetime) -> Column:
    """Return the age of each override's evidence in days, never negative."""
    ages: Column = np.maximum(microseconds(at) - found.bucket.updated[found.rows], 0) / DAY
    return ages


def _reach(section: Section, levers: Sequence[str]) -> Column:
    """Return how far one step of a ramp leads, in units, for each of the levers."""
    steps = [(LEVERS[name].blend, section.limits[name].step) for name in levers]
    return np.array([step if blend is Blend.LINEAR else math.log1p(step) for blend, step in steps])


COMBINERS: Mapping[Combiner, Callable[[Selection, Section, datetime], Taken]] = {
    Combiner.PLAN: plan,
    Combiner.MOST_SPECIFIC: most_specific,
    Combiner.EVIDENCE: evidence,
}
