"""The three combiners: matching overrides in, contributions and exclusions out, both in id order (docs/method.md 4).

A combiner decides which overrides take part, and with which part of each lever. Summing the parts, the step limit and
the bounds are the same for all combiners and are in `combine`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from .combination import Contribution, Excluded
from .compiled import Row, Section
from .definitions.levers import LEVERS
from .definitions.vocabulary import Combiner, ExclusionReason
from .ramp import ramped
from .weights import age_in_days, is_below, microseconds

Taken = tuple[list[Contribution], list[Excluded]]
SECONDS_PER_HOUR = 3600.0


def plan(rows: Sequence[Row], section: Section, at: datetime) -> Taken:
    """Blend targets by weight: part = w * unit / (prior_weight + sum of w); docs/method.md 4.4.

    Overrides whose weight is below the floor are excluded.
    """
    floor, now = section.parameters.min_total_weight, microseconds(at)
    weighed: list[tuple[Row, tuple[float, ...], float]] = []
    excluded: list[Excluded] = []
    support: dict[str, float] = {}
    for row in rows:
        factors, total = row.weight.at(age_in_days(row.updated, now))
        if is_below(total, floor):
            excluded.append(Excluded(row.id, row.line, ExclusionReason.BELOW_FLOOR, total))
            continue
        weighed.append((row, factors, total))
        for name in row.units:
            support[name] = support.get(name, 0.0) + total
    wholes = {name: _whole(section.parameters.prior_weight + weight) for name, weight in support.items()}
    contributions = [
        Contribution(
            row.id,
            row.line,
            {name: total / wholes[name] * unit for name, unit in row.units.items()},
            row.targets,
            factors,
            total,
        )
        for row, factors, total in weighed
    ]
    return contributions, excluded


def _whole(weight: float) -> float:
    return math.inf if weight == 0 else weight  # without a floor all weights can be 0, and so are the parts


def most_specific(rows: Sequence[Row], section: Section, at: datetime) -> Taken:
    """Let one override set each lever: the one with most dimensions, then the largest n, then the first id."""
    winners: dict[str, Row] = {}
    for row in rows:
        for name in row.units:
            best = winners.get(name)
            if best is None or (row.dims, row.n) > (best.dims, best.n):
                winners[name] = row
    contributions = []
    for row in rows:
        parts = {name: unit for name, unit in row.units.items() if winners[name] is row}
        if parts:
            contributions.append(Contribution(row.id, row.line, parts, row.targets))
    return contributions, []


def evidence(rows: Sequence[Row], section: Section, at: datetime) -> Taken:
    """Let every override add its own part, as far as its ramp has come; evidence that is too old is excluded."""
    oldest, now = section.parameters.max_evidence_age_days, microseconds(at)
    contributions: list[Contribution] = []
    excluded: list[Excluded] = []
    for row in rows:
        if oldest is not None and age_in_days(row.updated, now) > oldest:
            excluded.append(Excluded(row.id, row.line, ExclusionReason.STALE))
        elif row.path is None:
            contributions.append(Contribution(row.id, row.line, row.units, row.targets))
        else:
            contributions.append(_ramping(row, section, at))
    return contributions, excluded


def _ramping(row: Row, section: Section, at: datetime) -> Contribution:
    assert row.path is not None
    hours = (at - row.path.since).total_seconds() / SECONDS_PER_HOUR
    values = {}
    for name, target in row.targets.items():
        lever = LEVERS[name]
        start = row.path.start.get(name, lever.neutral)
        values[name] = ramped(lever.blend, section.limits[name].step, start, target, hours)
    parts = {name: LEVERS[name].unit(value) for name, value in values.items()}
    ramping = tuple(name for name, value in values.items() if value != row.targets[name])
    return Contribution(row.id, row.line, parts, values, ramping=ramping)


COMBINERS: Mapping[Combiner, Callable[[Sequence[Row], Section, datetime], Taken]] = {
    Combiner.PLAN: plan,
    Combiner.MOST_SPECIFIC: most_specific,
    Combiner.EVIDENCE: evidence,
}
