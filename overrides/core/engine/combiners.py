"""The three combiners: matching overrides in, contributions and exclusions out, both in id order (docs/method.md 4).

A combiner decides which overrides take part, and with which part of each lever, and sums the parts in id order; `now`
is the time of the request in microseconds. The step limit and the bounds are the same for all combiners and are in
`combine`.
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
from .listing import LeftOut, UnweighedRows
from .plan_combiner import plan
from .ramp import HOURS_PER_STEP, ramped
from .scope_packing import Rows
from .taken import NO_CONTRIBUTIONS, NO_EXCLUSIONS, Contributions, Exclusions, Taken, Total, added
from .weights import DAY, Column

PLAN = Combiner.PLAN  # Python 3.11 calls a function for each look at a member of an enum
NEARLY = 1e-9  # more than the logarithms of two libraries differ by: `ramped` decides for those in between
MICROSECONDS, SECONDS_PER_HOUR = 1e6, 3600.0


def take(found: Selection, section: Section, now: int) -> Taken:
    """Return what the section's combiner takes of its overrides that match, of which there is at least one."""
    if section.combiner is PLAN:  # looking it up in `COMBINERS` hashes its name
        return plan(found, section, now)
    return COMBINERS[section.combiner](found, section, now)


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
            excluded = Exclusions(
                int(np.count_nonzero(stale)), partial(LeftOut, bucket, rows[stale], ExclusionReason.STALE)
            )
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
