"""Combine the overrides that match a request into levers; lists, explanations and answers all use `combine`.

An override matches if key and category are equal and its scope is contained in the request's. Its combiner turns it
into parts, the parts add up to a target per lever, and then the step limit and the bounds apply, in this order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from .combination import Combination, LeverValue, Request, ordered_flags
from .combiners import take
from .compiled import Compiled, Key, Limits, Section, Selection
from .definitions.levers import LEVERS
from .definitions.vocabulary import Combiner, Flag, Reason
from .joined import joined_contributions, joined_exclusions
from .taken import Taken, Total
from .weights import microseconds

_new = tuple.__new__  # of a class and a tuple of its fields; calling the class takes twice as long
# Members of enums that every answer looks at: Python 3.11 calls a function for each look at the enum.
PLAN, SINGLE, COMBINED = Combiner.PLAN, Reason.SINGLE, Reason.COMBINED
RAMPING, STEP_LIMITED = Flag.RAMPING, Flag.STEP_LIMITED
NOTICEABLE = 1e-12  # a step limit or a bound that changes less than this did not act


class Matched(NamedTuple):
    """The overrides that match a key and a scope, per section; this part of an answer depends on nothing else."""

    rows: tuple[Selection | None, ...]
    has_unknown_dimension: bool


def combine(compiled: Compiled, request: Request) -> Combination:
    """Return the levers for a request; the result is deterministic and does not depend on the order of overrides.

    Contributions are sorted by (-w_total, id) under plan and by id otherwise, exclusions by id; sums run in id order.
    """
    key, scope, now = (request.module, request.pattern_key, request.action_category), request.scope, None
    taken = []
    for section in compiled.sections:
        bucket = section.buckets.get(key)
        if bucket is not None:
            rows = bucket.scopes.rows_in(scope)
            if rows.size:
                now = microseconds(request.at) if now is None else now
                taken.append((section, take(Selection(bucket, rows), section, now)))
    return settled(taken, request.current, has_unknown=has_unknown_dimension(compiled, scope))


def matching(compiled: Compiled, key: Key, scope: Mapping[str, str]) -> Matched:
    """Return the overrides that match: a first half of `combine`, which depends on no time and no current value."""
    found: list[Selection | None] = []
    for section in compiled.sections:
        bucket = section.buckets.get(key)
        found.append(None if bucket is None else Selection(bucket, bucket.scopes.rows_in(scope)))
    return Matched(tuple(found), has_unknown_dimension(compiled, scope))


def has_unknown_dimension(compiled: Compiled, scope: Mapping[str, str]) -> bool:
    """Return whether the scope has a dimension that the version does not know."""
    seen = None
    for section in compiled.sections:
        known = section.known_dimensions
        if known is not seen and known is not None and not known.issuperset(scope):
            return True
        seen = known
    return False


def settle(compiled: Compiled, matched: Matched, at: datetime, current: Mapping[str, float]) -> Combination:
    """Return the levers that the matched overrides give at a time: the second half of `combine`."""
    now = microseconds(at)
    taken = [
        (section, take(found, section, now))
        for section, found in zip(compiled.sections, matched.rows, strict=True)
        if found
    ]
    return settled(taken, current, has_unknown=matched.has_unknown_dimension)


def settled(taken: Sequence[tuple[Section, Taken]], current: Mapping[str, float], *, has_unknown: bool) -> Combination:
    """Return the levers that come of what the combiners took, after step limits and bounds."""
    levers: dict[str, LeverValue] = {}
    flags = [Flag.UNKNOWN_DIMENSION] if has_unknown else []  # hashing them would take longer
    for section, each in taken:
        totals = each.totals
        for name in _in_order(tuple(totals)) if len(totals) > 1 else totals:
            levers[name] = value = _settled(section, name, totals[name], current)
            if value.flags:
                flags += value.flags
    if len(taken) == 1:
        contributions, excluded = taken[0][1].contributions, taken[0][1].excluded
    else:
        contributions = joined_contributions([each.contributions for _, each in taken])
        excluded = joined_exclusions([each.excluded for _, each in taken])
    reason = _reason(len(contributions), len(excluded))
    return _new(Combination, (levers, contributions, excluded, reason, ordered_flags(flags)))


@lru_cache(1_000)
def _in_order(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the levers in the registry's order."""
    return tuple(name for name in LEVERS if name in names)


def _reason(taking_part: int, left_out: int) -> Reason:
    if taking_part == 0:
        return Reason.ALL_EXCLUDED if left_out > 0 else Reason.NO_MATCH
    return SINGLE if taking_part == 1 else COMBINED


def _settled(section: Section, name: str, total: Total, current: Mapping[str, float]) -> LeverValue:
    """Return the lever's value: its target after the step limit (plan only) and the bounds."""
    limits, combiner = section.limits[name], section.combiner
    lever, low, high, step = limits
    unit, support, is_ramping = total
    flags = [RAMPING] if is_ramping else []
    neutral = lever.neutral
    start = current.get(name, neutral) if current else neutral
    if not low <= start <= high:
        start = _bounded(start, limits, flags)
    target = stepped = value = lever.value_at(unit)
    prior, is_limited, is_bounded = 0.0, False, False
    if combiner is PLAN:
        prior = section.parameters.prior_weight
        lowest, highest = lever.reach(start, step)
        if not lowest <= target <= highest:
            stepped = value = lowest if target < lowest else highest
            if abs(stepped - target) > NOTICEABLE:
                flags.append(STEP_LIMITED)
                is_limited = True
    if not low <= stepped <= high:
        value = _bounded(stepped, limits, flags)
        is_bounded = abs(value - stepped) > NOTICEABLE
    cut = 0.0 if value == target else lever.unit(value) - unit
    return _new(
        LeverValue,
        (
            value, target, stepped, start, neutral, combiner, support, prior, cut, is_limited, is_bounded,
            ordered_flags(flags) if flags else (),
        ),
    )  # fmt: skip


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
