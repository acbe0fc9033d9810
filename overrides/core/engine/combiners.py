"""The three combiners: matching overrides in, contributions and exclusions out, both in id order (docs/method.md 4).

A combiner decides which overrides take part, and with which part of each lever, and sums the parts in id order; `now`
is the time of the request in microseconds. The step limit and the bounds are the same for all combiners and are in
`combine`.

Each is a pass over columns. Up to `FEW` overrides a loop over plain numbers is faster than the fixed cost of columns;
`plan` has both, and they agree to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from .compiled import Bucket, Section, Selection
from .definitions.levers import LEVERS
from .definitions.vocabulary import Blend, Combiner, ExclusionReason
from .listing import Blending, LeftOut, UnweighedRows, WeighedRows
from .ramp import HOURS_PER_STEP, ramped
from .scope_packing import Rows
from .taken import NO_CONTRIBUTIONS, NO_EXCLUSIONS, Contributions, Exclusions, Taken, Total, added, last_sum
from .weights import DAY, ROUNDED_AWAY, Column, are_below, is_below

PLAN = Combiner.PLAN  # Python 3.11 calls a function for each look at a member of an enum
FEW = 60  # overrides, measured
_new = tuple.__new__  # of a class and a tuple of its fields; calling the class takes twice as long
NEARLY = 1e-9  # more than the logarithms of two libraries differ by: `ramped` decides for those in between
MICROSECONDS, SECONDS_PER_HOUR = 1e6, 3600.0


def take(found: Selection, section: Section, now: int) -> Taken:
    """Return what the section's combiner takes of its overrides that match, of which there is at least one."""
    if section.combiner is PLAN:  # looking it up in `COMBINERS` hashes its name
        return plan(found, section, now)
    return COMBINERS[section.combiner](found, section, now)


def plan(found: Selection, section: Section, now: int) -> Taken:
    """Blend targets by weight: part = w * unit / (prior_weight + sum of w); docs/method.md 4.4.

    Overrides whose weight is below the floor are excluded.
    """
    return (_plan_of_few if found.rows.size <= FEW else _plan_of_many)(found, section, now)


def _plan_of_few(found: Selection, section: Section, now: int) -> Taken:
    bucket, rows, weighing = found.bucket, found.rows, found.bucket.weighing
    columns = bucket.table.take(rows, axis=0).T.tolist()
    moments, weights = weighing.of_few(columns, now)
    parameters, units, excluded, kept = section.parameters, columns[weighing.width :], NO_EXCLUSIONS, weights
    heavy = _places_above(weights, parameters.min_total_weight)
    n_light = len(weights) - len(heavy)
    if n_light:
        excluded = Exclusions(n_light, partial(_left_out, bucket, rows, heavy, weights))
        if not heavy:
            return Taken({}, NO_CONTRIBUTIONS, excluded)
        kept = [weights[place] for place in heavy]
        units = [[column[place] for place in heavy] for column in units]
    totals, whole = _blended(bucket.levers, units, kept, parameters.prior_weight)
    blend = _new(Blending, (bucket, rows, heavy if n_light else None, moments, kept, units, whole))
    return _new(Taken, (totals, Contributions(len(kept), partial(WeighedRows, blend)), excluded))


def _places_above(weights: Sequence[float], floor: float) -> list[int]:
    """Return the places of the weights that `is_below` does not find below the floor."""
    surely, perhaps = floor + ROUNDED_AWAY, floor - ROUNDED_AWAY
    return [
        place
        for place, weight in enumerate(weights)
        if weight >= surely or (weight >= perhaps and not is_below(weight, floor))
    ]


def _left_out(bucket: Bucket, rows: Rows, heavy: Sequence[int], weights: Sequence[float]) -> LeftOut:
    """Return the exclusions of the rows whose places are not among the heavy ones."""
    light = sorted(set(range(len(weights))).difference(heavy))
    return LeftOut(bucket, rows, light, ExclusionReason.BELOW_FLOOR, weights)


def _blended(
    levers: Sequence[str], units: Sequence[Sequence[float]], weights: Sequence[float], prior: float
) -> tuple[dict[str, Total], list[float]]:
    """Return the sums per lever, and what the weights are divided by; a unit is NaN where there is no target."""
    totals, wholes = {}, []
    for name, column in zip(levers, units, strict=True):
        support, unit_sum, moving = 0.0, 0.0, []
        for place, unit in enumerate(column):
            if unit == unit:
                support += weights[place]
                moving.append(place)
        whole = prior + support or math.inf  # without a floor all weights can be 0, and so are the parts
        wholes.append(whole)
        if moving:
            for place in moving:
                unit_sum += weights[place] / whole * column[place]
            totals[name] = _new(Total, (unit_sum, support, False))
    return totals, wholes


def _plan_of_many(found: Selection, section: Section, now: int) -> Taken:
    bucket, rows = found.bucket, found.rows
    table = bucket.table.take(rows, axis=0)
    moments, weights = bucket.weighing.of_many(table, now)
    units, excluded, heavy, kept = table[:, bucket.weighing.width :], NO_EXCLUSIONS, None, weights
    below = are_below(weights, section.parameters.min_total_weight)
    light = below.nonzero()[0]
    if light.size:
        why = ExclusionReason.BELOW_FLOOR
        excluded = Exclusions(len(light), partial(LeftOut, bucket, rows, light, why, weights))
        if light.size == rows.size:
            return Taken({}, NO_CONTRIBUTIONS, excluded)
        heavy = (~below).nonzero()[0]
        kept, units = weights.take(heavy), units.take(heavy, axis=0)
    columns = list(np.ascontiguousarray(units.T))  # a pass over a column of its own is twice as fast
    totals, whole = _blended_columns(bucket, columns, kept, section.parameters.prior_weight)
    blend = Blending(bucket, rows, heavy, moments, kept, columns, whole)
    return Taken(totals, Contributions(len(kept), partial(WeighedRows, blend)), excluded)


def _blended_columns(
    bucket: Bucket, columns: Sequence[Column], weights: Column, prior: float
) -> tuple[dict[str, Total], list[float]]:
    """Return what `_blended` returns, to the bit, of columns."""
    totals, wholes = {}, []
    of_all = last_sum(weights) if bucket.is_full else None
    for name, column in zip(bucket.levers, columns, strict=True):
        support, units, is_moved = of_all, column, True
        if support is None:
            has = column == column  # NaN where there is no target
            support, is_moved = last_sum(weights * has), bool(np.count_nonzero(has))  # faster than `any`
            units = np.where(has, column, 0.0)
        whole = prior + support or math.inf
        wholes.append(whole)
        if is_moved:
            totals[name] = Total(last_sum(weights / whole * units), support)
    return totals, wholes


def most_specific(found: Selection, section: Section, now: int) -> Taken:
    """Let one override set each lever: the one with most dimensions, then the largest n, then the first id."""
    bucket, rows = found.bucket, found.rows
    has, dims = bucket.has(rows), bucket.basis.dims[rows].astype(np.int64)
    order = np.lexsort((rows, -bucket.basis.n[rows], -dims))  # the last key decides first
    acts = np.zeros((rows.size, len(bucket.levers)), np.bool_)
    for column in range(len(bucket.levers)):
        carrying = order if has is None else order[has[order, column]]
        acts[carrying[:1], column] = True
    deciding = acts.any(axis=1)
    rows, acts = rows[deciding], acts[deciding]
    units = np.where(acts, bucket.units(rows), 0.0)
    deciders = partial(UnweighedRows, bucket, rows, units, bucket.targets[rows], acts)
    return Taken(_totals(bucket.levers, units, acts), Contributions(rows.size, deciders), NO_EXCLUSIONS)


def evidence(found: Selection, section: Section, now: int) -> Taken:
    """Let every override add its own part, as far as its ramp has come; evidence that is too old is excluded."""
    bucket, rows, excluded = found.bucket, found.rows, NO_EXCLUSIONS
    if section.parameters.max_evidence_age_days is not None:
        stale = _ages(found, now) > section.parameters.max_evidence_age_days
        if stale.any():
            places = stale.nonzero()[0]
            excluded = Exclusions(len(places), partial(LeftOut, bucket, rows, places, ExclusionReason.STALE))
            rows = rows[~stale]
    if rows.size == 0:
        return Taken({}, NO_CONTRIBUTIONS, excluded)
    units, targets = bucket.units(rows), bucket.targets[rows]
    ramping = None if bucket.ramps is None else _ramp(bucket, rows, section, now, targets, units)
    under_way = set() if ramping is None else set(np.flatnonzero(ramping.any(axis=0)).tolist())
    totals = _totals(bucket.levers, units, bucket.has(rows), ramping=under_way)
    acting = partial(UnweighedRows, bucket, rows, units, targets, ramping=ramping)
    return Taken(totals, Contributions(rows.size, acting), excluded)


def _ramp(bucket: Bucket, rows: Rows, section: Section, now: int, targets: Column, units: Column) -> NDArray[np.bool_]:
    """Set targets and units to where ramps have come, and return which levers have not arrived."""
    assert bucket.ramps is not None
    starts = bucket.ramps.starts[rows]
    hours = (now - bucket.ramps.since[rows]) / MICROSECONDS / SECONDS_PER_HOUR
    reach = (np.maximum(hours, 0.0) / HOURS_PER_STEP)[:, None] * _reach(section, bucket.levers)
    is_linear = np.array([LEVERS[name].blend is Blend.LINEAR for name in bucket.levers])
    with np.errstate(divide="ignore", invalid="ignore"):  # linear levers may start at 0
        distances = np.where(is_linear, targets - starts, np.log(targets / starts))
    ramping: NDArray[np.bool_] = np.abs(distances) > reach - NEARLY
    for row, column in zip(*(each.tolist() for each in ramping.nonzero()), strict=True):
        lever = LEVERS[bucket.levers[column]]
        start, step = float(starts[row, column]), section.limits[lever.name].step
        value = ramped(lever.blend, step, start, float(targets[row, column]), float(hours[row]))
        ramping[row, column] = value != targets[row, column]
        targets[row, column], units[row, column] = value, lever.unit(value)
    return ramping


def _totals(
    levers: Sequence[str],
    parts: Column,
    has: NDArray[np.bool_] | None,
    ramping: Collection[int] = (),
) -> dict[str, Total]:
    """Return what the parts sum up to, per lever that an override moves."""
    moved = range(len(levers)) if has is None else np.flatnonzero(has.any(axis=0)).tolist()
    units = added(parts).tolist()
    return {levers[column]: Total(units[column], None, column in ramping) for column in moved}


def _ages(found: Selection, now: int) -> Column:
    """Return the age of each override's evidence in days, never negative."""
    ages: Column = np.maximum(now - found.bucket.updated[found.rows], 0) / DAY
    return ages


def _reach(section: Section, levers: Sequence[str]) -> Column:
    """Return how far one step of a ramp leads, in units, for each of the levers."""
    steps = [(LEVERS[name].blend, section.limits[name].step) for name in levers]
    return np.array([step if blend is Blend.LINEAR else math.log1p(step) for blend, step in steps])


COMBINERS: Mapping[Combiner, Callable[[Selection, Section, int], Taken]] = {
    Combiner.PLAN: plan,
    Combiner.MOST_SPECIFIC: most_specific,
    Combiner.EVIDENCE: evidence,
}
