"""Combine the overrides that match a request into levers; lists, explanations and answers all use `combine`.

An override matches if key and category are equal and its scope is contained in the request's. Its combiner turns it
into parts, the parts add up to a target per lever, and then the step limit and the bounds apply, in this order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from .combination import Combination, Contribution, Excluded, LeverValue, Request, ordered_flags
from .combiners import COMBINERS
from .compiled import Compiled, Key, Limits, Row, Section
from .definitions.levers import LEVERS
from .definitions.vocabulary import Combiner, Flag, Reason
from .weights import rounded_weight

NOTICEABLE = 1e-12  # a step limit or a bound that changes less than this did not act


class Matched(NamedTuple):
    """The overrides that match a key and a scope, per section; this part of an answer depends on nothing else."""

    rows: tuple[Sequence[Row], ...]
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
        tuple(() if bucket is None else bucket.matching(scope) for bucket in buckets),
        any(names is not None and not names.issuperset(scope) for names in known),
    )


def settle(compiled: Compiled, matched: Matched, at: datetime, current: Mapping[str, float]) -> Combination:
    """Return the levers that the matched overrides give at a time: the second half of `combine`."""
    levers: dict[str, LeverValue] = {}
    contributions: list[Contribution] = []
    excluded: list[Excluded] = []
    flags = {Flag.UNKNOWN_DIMENSION} if matched.has_unknown_dimension else set[Flag]()
    for section, rows in zip(compiled.sections, matched.rows, strict=True):
        if rows:
            taken, left_out = COMBINERS[section.combiner](rows, section, at)
            levers |= _lever_values(taken, section, current)
            contributions += sorted(taken, key=_heaviest_first) if section.combiner is Combiner.PLAN else taken
            excluded += left_out
    for lever in levers.values():
        flags.update(lever.flags)
    excluded.sort(key=lambda each: each.id)
    reason = _reason(len(contributions), len(excluded))
    return Combination(levers, tuple(contributions), tuple(excluded), reason, ordered_flags(flags))


def _heaviest_first(contribution: Contribution) -> float:
    """Return the sort key; sorting keeps the order of ids among equal weights."""
    weight = contribution.w_total
    return 0.0 if weight is None else -rounded_weight(weight)


def _reason(taking_part: int, left_out: int) -> Reason:
    if taking_part == 0:
        return Reason.ALL_EXCLUDED if left_out > 0 else Reason.NO_MATCH
    return Reason.SINGLE if taking_part == 1 else Reason.COMBINED


def _lever_values(
    contributions: Sequence[Contribution], section: Section, current: Mapping[str, float]
) -> dict[str, LeverValue]:
    """Return every lever that a contribution moves, in the registry's order."""
    units: dict[str, float] = {}
    support: dict[str, float] = {}
    ramping: set[str] = set()
    for contribution in contributions:
        weight = contribution.w_total
        for name, part in contribution.parts.items():
            units[name] = units.get(name, 0.0) + part
            if weight is not None:
                support[name] = support.get(name, 0.0) + weight
        ramping.update(contribution.ramping)
    return {
        name: _settled(section, name, units[name], support.get(name), current, name in ramping)
        for name in (LEVERS if len(units) > 1 else units)
        if name in units
    }


def _settled(
    section: Section, name: str, unit: float, support: float | None, current: Mapping[str, float], ramping: bool
) -> LeverValue:
    """Return the lever's value: its target after the step limit (plan only) and the bounds."""
    limits = section.limits[name]
    lever = limits.lever
    is_plan = section.combiner is Combiner.PLAN
    flags = {Flag.RAMPING} if ramping else set()
    start = _bounded(current.get(name, lever.neutral), limits, flags)
    target = stepped = lever.value_at(unit)
    if is_plan:
        lowest, highest = lever.reach(start, limits.step)
        stepped = min(max(target, lowest), highest)
        if abs(stepped - target) > NOTICEABLE:
            flags.add(Flag.STEP_LIMITED)
    value = _bounded(stepped, limits, flags)
    return LeverValue(
        value=value,
        target=target,
        stepped=stepped,
        current=start,
        neutral=lever.neutral,
        combiner=section.combiner,
        support=support,
        prior_weight=section.parameters.prior_weight if is_plan else 0.0,
        cut=0.0 if value == target else lever.unit(value) - unit,
        step_limited=Flag.STEP_LIMITED in flags,
        bounded=abs(value - stepped) > NOTICEABLE,
        flags=ordered_flags(flags),
    )


def _bounded(value: float, limits: Limits, flags: set[Flag]) -> float:
    if value < limits.low:
        if limits.low - value > NOTICEABLE:
            flags.add(Flag.BOUND_LOW)
        return limits.low
    if value > limits.high:
        if value - limits.high > NOTICEABLE:
            flags.add(Flag.BOUND_HIGH)
        return limits.high
    return value
