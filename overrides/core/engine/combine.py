"""Combine the overrides that match a request into levers; lists, explanations and answers all use `combine`.

An override matches if key and category are equal and its scope is contained in the request's. Its combiner turns it
into parts, the parts add up to a target per lever, and then the step limit and the bounds apply, in this order.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from .combination import Combination, LeverValue, Request, ordered_flags
from .combiners import COMBINERS
from .compiled import Compiled, Key, Limits, Section, Selection
from .definitions.levers import LEVERS
from .definitions.vocabulary import Combiner, Flag, Reason
from .joined import joined_contributions, joined_exclusions
from .taken import Taken, Total

NOTICEABLE = 1e-12  # a step limit or a bound that changes less than this did not act


class Matched(NamedTuple):
    """The overrides that match a key and a scope, per section; this part of an answer depends on nothing else."""

    rows: tuple[Selection | None, ...]
    has_unknown_dimension: bool


def combine(compiled: Compiled, request: Request) -> Combination:
    """Return the levers for a request; the result is deterministic and does not depend on the order of overrides.

    Contributions are sorted by (-w_total, id) under plan and by id otherwise, exclusions by id; sums run in id order.
    """
    key = (request.module, request.pattern_key, request.action_category)
    return settle(compiled, matching(compiled, key, request.scope), request.at, request.current)


def matching(compiled: Compiled, key: Key, scope: Mapping[str, str]) -> Matched:
    """Return the overrides that match: the first half of `combine`, which depends on no time and no current value."""
    buckets = [section.buckets.get(key) for section in compiled.sections]
    known = [section.known_dimensions for section in compiled.sections]
    return Matched(
        tuple(None if bucket is None else bucket.matching(scope) for bucket in buckets),
        any(names is not None and not names.issuperset(scope) for names in known),
    )


def settle(compiled: Compiled, matched: Matched, at: datetime, current: Mapping[str, float]) -> Combination:
    """Return the levers that the matched overrides give at a time: the second half of `combine`."""
    levers: dict[str, LeverValue] = {}
    found: list[Taken] = []
    flags = [Flag.UNKNOWN_DIMENSION] if matched.has_unknown_dimension else []  # hashing them would take longer
    for section, rows in zip(compiled.sections, matched.rows, strict=True):
        if rows:
            taken = COMBINERS[section.combiner](rows, section, at)
            levers |= _lever_values(taken, section, current)
            found.append(taken)
    for lever in levers.values():
        flags += lever.flags
    contributions = joined_contributions([each.contributions for each in found])
    excluded = joined_exclusions([each.excluded for each in found])
    reason = _reason(len(contributions), len(excluded))
    return Combination(levers, contributions, excluded, reason, ordered_flags(flags))


def _reason(taking_part: int, left_out: int) -> Reason:
    if taking_part == 0:
        return Reason.ALL_EXCLUDED if left_out > 0 else Reason.NO_MATCH
    return Reason.SINGLE if taking_part == 1 else Reason.COMBINED


def _lever_values(taken: Taken, section: Section, current: Mapping[str, float]) -> dict[str, LeverValue]:
    """Return every lever that a contribution moves, in the registry's order."""
    totals = taken.totals
    return {
        name: _settled(section, name, totals[name], current)
        for name in (LEVERS if len(totals) > 1 else totals)
        if name in totals
    }


def _settled(section: Section, name: str, total: Total, current: Mapping[str, float]) -> LeverValue:
    """Return the lever's value: its target after the step limit (plan only) and the bounds."""
    limits, unit = section.limits[name], total.unit
    lever = limits.lever
    is_plan = section.combiner is Combiner.PLAN
    flags = [Flag.RAMPING] if total.is_ramping else []
    start = _bounded(current.get(name, lever.neutral), limits, flags)
    target = stepped = lever.value_at(unit)
    if is_plan:
        lowest, highest = lever.reach(start, limits.step)
        stepped = min(max(target, lowest), highest)
        if abs(stepped - target) > NOTICEABLE:
            flags.append(Flag.STEP_LIMITED)
    value = _bounded(stepped, limits, flags)
    return LeverValue(
        value=value,
        target=target,
        stepped=stepped,
        current=start,
        neutral=lever.neutral,
        combiner=section.combiner,
        support=total.support,
        prior_weight=section.parameters.prior_weight if is_plan else 0.0,
        cut=0.0 if value == target else lever.unit(value) - unit,
        step_limited=Flag.STEP_LIMITED in flags,
        bounded=abs(value - stepped) > NOTICEABLE,
        flags=ordered_flags(flags),
    )


def _bounded(value: float, limits: Limits, flags: list[Flag]) -> float:
    if value < limits.low:
        if limits.low - value > NOTICEABLE:
            flags.append(Flag.BOUND_LOW)
        return limits.low
    if value > limits.high:
        if value - limits.high > NOTICEABLE:
            flags.append(Flag.BOUND_HIGH)
        return limits.high
    return value
