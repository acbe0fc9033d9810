"""Levers of an answer as bytes: every lever as served, and how those that were moved came to their value.

A moved lever stores its value and what does not follow from it: usually the target equals the value, the current value
is neutral, and what was served is the value rounded to nine decimals. A mask of 16 bits says which of its
numbers follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from telemetry.core.decision_trace.bytes_read import BytesRead, Unpackable, layout
from telemetry.core.decision_trace.words import (
    COMBINER_AT,
    COMBINERS,
    FLAG_AT,
    FLAGS,
    LEVER_AT,
    LEVERS,
    mask_of,
    place_of,
    words_of,
)

DECIMALS = 9  # of what is served
DETAIL = (
    "value", "target", "stepped", "current", "neutral", "combiner", "support", "prior_weight", "cut", "step_limited",
    "bounded", "flags",
)  # fmt: skip
(
    MOVED, SERVED_ALONE, SERVED_NEUTRAL, TARGET, STEPPED, CURRENT, NEUTRAL, SUPPORT, PRIOR, CUT, STEP_LIMITED, BOUNDED,
) = (1 << place for place in range(12))  # fmt: skip
STORED = SERVED_ALONE | TARGET | STEPPED | CURRENT | NEUTRAL | SUPPORT | PRIOR | CUT  # bits of a number of its own
NEUTRAL_AT = tuple(layout("BH").pack(place, 0) for place in range(len(LEVERS)))  # each lever that was served as 1
NUMBERS = tuple(layout(f"{count}d") for count in range(12))
Levers = Mapping[str, Mapping[str, Any]]


def pack_levers(levers: Levers) -> bytes:
    """Return levers as bytes. Raises Unpackable for a lever or a field that has no place in them.

    >>> unpack_levers(BytesRead(pack_levers({"size_mult": {"served": 1.0}, "trail_mult": {"served": 0.5}})))
    {'size_mult': {'served': 1.0}, 'trail_mult': {'served': 0.5}}
    """
    return b"".join([layout("B").pack(len(levers)), *(_packed(name, detail) for name, detail in levers.items())])


def _packed(name: str, detail: Mapping[str, Any]) -> bytes:
    if detail.keys() == {"served"}:
        return pack_unmoved(place_of(LEVER_AT, name), detail["served"])
    if detail.keys() != {"served", *DETAIL}:
        raise Unpackable(f"{name} has other fields than a lever")
    return pack_moved(name, detail["served"], *(detail[field] for field in DETAIL))


def pack_unmoved(place: int, served: float) -> bytes:
    """Return a lever that nothing moved as bytes."""
    return NEUTRAL_AT[place] if served == 1.0 else layout("BHd").pack(place, SERVED_ALONE, served)


def pack_moved(
    name: str,
    served: float,
    value: float,
    target: float,
    stepped: float,
    current: float,
    neutral: float,
    combiner: str,
    support: float | None,
    prior_weight: float,
    cut: float,
    step_limited: bool,
    bounded: bool,
    flags: Sequence[str],
) -> bytes:
    """Return a lever with what moved it as bytes: what was served, then the fields in the order of DETAIL."""
    mask, numbers = MOVED, [value]
    if served != round(value, DECIMALS) + 0.0:
        if served == neutral:
            mask |= SERVED_NEUTRAL
        else:
            mask |= SERVED_ALONE
            numbers.append(served)
    if target != value:
        mask |= TARGET
        numbers.append(target)
    if stepped != target:
        mask |= STEPPED
        numbers.append(stepped)
    if current != neutral:
        mask |= CURRENT
        numbers.append(current)
    if neutral != 1.0:
        mask |= NEUTRAL
        numbers.append(neutral)
    if support is not None:
        mask |= SUPPORT
        numbers.append(support)
    if prior_weight != 0.0:
        mask |= PRIOR
        numbers.append(prior_weight)
    if cut != 0.0:
        mask |= CUT
        numbers.append(cut)
    if step_limited:
        mask |= STEP_LIMITED
    if bounded:
        mask |= BOUNDED
    return _moved_head(name, mask, combiner, tuple(flags)) + NUMBERS[len(numbers)].pack(*numbers)


@lru_cache(10_000)
def _moved_head(name: str, mask: int, combiner: str, flags: Sequence[str]) -> bytes:
    """Return what stands before the numbers of a moved lever; few differ, so they are remembered."""
    combined_by, flagged = place_of(COMBINER_AT, combiner), mask_of(FLAG_AT, flags)
    return layout("BHBB").pack(place_of(LEVER_AT, name), mask, combined_by, flagged)


def unpack_levers(read: BytesRead) -> dict[str, dict[str, Any]]:
    """Return levers from bytes, as the documents of a decision state them."""
    return dict(_unpacked(read) for _ in range(read.one("B")))


def _unpacked(read: BytesRead) -> tuple[str, dict[str, Any]]:
    place, mask = read.many("BH")
    name = LEVERS[place]
    if not mask & MOVED:
        return name, {"served": read.one("d") if mask & SERVED_ALONE else 1.0}
    combiner, flags = read.many("BB")
    numbers = iter(read.floats(1 + (mask & STORED).bit_count()))

    def stored(bit: int, otherwise: Any) -> Any:
        return next(numbers) if mask & bit else otherwise

    value = next(numbers)
    served = stored(SERVED_ALONE, round(value, DECIMALS) + 0.0)
    target = stored(TARGET, value)
    stepped = stored(STEPPED, target)
    current = stored(CURRENT, None)
    neutral = stored(NEUTRAL, 1.0)
    return name, {
        "served": neutral if mask & SERVED_NEUTRAL else served,
        "value": value,
        "target": target,
        "stepped": stepped,
        "current": neutral if current is None else current,
        "neutral": neutral,
        "combiner": COMBINERS[combiner],
        "support": stored(SUPPORT, None),
        "prior_weight": stored(PRIOR, 0.0),
        "cut": stored(CUT, 0.0),
        "step_limited": bool(mask & STEP_LIMITED),
        "bounded": bool(mask & BOUNDED),
        "flags": words_of(FLAGS, flags),
    }
