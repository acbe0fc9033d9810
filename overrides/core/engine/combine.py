"""The one resolver: list, explanation and answer all come from `combine`.

Overrides match where key and category are equal and the request's scope contains theirs. Their combiner turns
them into parts, parts add up to a target per lever, and step and bounds act last, in this order.
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

NOTICEABLE = 1e-12  # a step or a bound that changes less than this has not acted


class Matched(NamedTuple):
    """The overrides that a key and a scope call for, per section: what of an answer depends on nothing else."""

    rows: tuple[Sequence[Row], ...]
    has_unknown_dimension: bool


def combine(compiled: Compiled, request: Request) -> Combination:
    """Levers for a request: pure, deterministic, order of overrides irrelevant.

    Contributions come by (-w_total, id) under plan and by id otherwise, exclusions by id; sums run in id order.
    """
    key = (request.module, request.pattern_key, request.action_category)
    return settle(compiled, matching(compiled, key, request.scope), request.at, request.current)


def matching(compiled: Compiled, key: Key, scope: Mapping[str, str]) -> Matched:
    """The first half of `combine`: for many requests that differ in time and current values alone, it is one."""
    buckets = [section.buckets.get(key) for section in compiled.sections]
    known = [section.known_dimensions for section in compiled.sections]
    return Matched(
        tuple(() if bucket is None else bucket.matching(scope) for bucket in buckets),
        any(names is not None and not names.issuperset(scope) for names in known),
    )


def settle(compiled: Compiled, matched: Matched, at: datetime, current: Mapping[str, float]) -> Combination:
    """The second half: what the overrides found make of the levers at this moment."""
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
    """Sorting keeps the order of ids among equal weights."""
    weight = contribution.w_total
    return 0.0 if weight is None else -rounded_weight(weight)


def _reason(taking_part: int, left_out: int) -> Reason:
    if taking_part == 0:
        return Reason.ALL_EXCLUDED if left_out > 0 else Reason.NO_MATCH
    return Reason.SINGLE if taking_part == 1 else Reason.COMBINED


def _lever_values(
    contributions: Sequence[Contribution], section: Section, current: Mapping[str, float]
) -> dict[str, LeverValue]:
    """Every lever that a contribution carries, in the registry's order."""
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
    """From the target through the step (plan only) and the bounds to the value."""
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
