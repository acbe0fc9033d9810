"""Contributions, exclusions and effects of an answer as bytes.

A contribution is the key of its constants, which the decision stores in a column of its own, and what differs from one
decision to the next: its weight, its decay, its parts, and its targets while it is ramping.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from telemetry.core.decision_trace.bytes_read import BytesRead, Unpackable, layout
from telemetry.core.decision_trace.constants import LEFT_OUT, Constants, Steady, pack_constants, steady
from telemetry.core.decision_trace.words import (
    EXCLUSION_AT,
    EXCLUSIONS,
    FACTORS,
    LEVER_AT,
    LEVERS,
    PASSING_FACTOR,
    STEADY_FACTORS,
    TOTAL,
    mask_of,
    place_of,
    words_of,
)

FIELDS = {"id", "line", "parts", "targets", *FACTORS, TOTAL, "ramping"}
EXCLUDED_FIELDS = {"id", "line", "reason", TOTAL}
NO_PART = float("nan")  # of a lever that the override has a target for and does not move
Known = Mapping[int, Constants]
Document = Mapping[str, Any]


def constants_of(contribution: Document) -> Constants:
    """Return what a contribution has in common with those of other decisions. Raises Unpackable for another shape."""
    parts, targets = contribution["parts"], contribution["targets"]
    if contribution.keys() != FIELDS or not parts.keys() <= targets.keys():
        raise Unpackable("a contribution has other fields than one of this format")
    mask = mask_of(LEVER_AT, list(targets))
    factors = tuple(contribution[name] for name in STEADY_FACTORS)
    weighs = [None not in factors, contribution[PASSING_FACTOR] is not None, contribution[TOTAL] is not None]
    if any(weighs) != all(weighs):
        raise Unpackable("a contribution has some of its weight factors only")
    in_order = tuple(targets[name] for name in words_of(LEVERS, mask))
    packed = pack_constants(mask, None if contribution["ramping"] else in_order, factors if all(weighs) else None)
    return Constants(contribution["id"], contribution["line"], packed)


def pack_contributions(contributions: Sequence[Document]) -> tuple[bytes, list[Constants]]:
    """Return contributions as bytes, and their constants in order."""
    constants = [constants_of(each) for each in contributions]
    weights: list[float] = []
    decays: list[float] = []
    parts: list[float] = []
    ramping = []
    for place, (each, fixed) in enumerate(zip(contributions, map(steady, constants), strict=True)):
        if fixed.is_weighed:
            weights.append(each[TOTAL])
            decays.append(each[PASSING_FACTOR])
        parts += [each["parts"].get(name, NO_PART) for name in fixed.levers]
        if each["ramping"]:
            targets = [each["targets"][name] for name in fixed.levers]
            ramping.append(pack_ramping(place, mask_of(LEVER_AT, each["ramping"]), targets, fixed.mask_code))
    numbers = layout(f"{len(weights) + len(decays) + len(parts)}d").pack(*weights, *decays, *parts)
    return joined(len(constants), numbers, ramping), constants


def pack_ramping(place: int, mask: int, targets: Sequence[float], mask_code: str) -> bytes:
    """Return the levers that a contribution has not moved in full yet, and where they are, as bytes."""
    return layout(f"H{mask_code}{len(targets)}d").pack(place, mask, *targets)


def joined(count: int, numbers: bytes, ramping: Sequence[bytes]) -> bytes:
    """Return the parts of packed contributions in the order in which they are read."""
    return b"".join((layout("H").pack(count), numbers, layout("H").pack(len(ramping)), *ramping))


def unpack_contributions(read: BytesRead, keys: Sequence[int], known: Known) -> list[dict[str, Any]]:
    """Return contributions as a decision's document states them. Raises KeyError for a key that is not known."""
    fixed, weights, decays, parts = _numbers(read, keys, known)
    moving: dict[int, tuple[int, tuple[float, ...]]] = {}
    for _ in range(read.one("H")):
        place = read.one("H")
        mask = read.one(fixed[place].mask_code)
        moving[place] = mask, read.floats(len(fixed[place].levers))
    return [_document(each, weights, decays, parts, moving.get(place)) for place, each in enumerate(fixed)]


def unpack_parts(read: BytesRead, keys: Sequence[int], known: Known) -> list[dict[str, Any]]:
    """Return what `unpack_contributions` does without targets and factors: the ids, lines, parts and weights."""
    fixed, weights, _, parts = _numbers(read, keys, known)
    found = []
    for each in fixed:
        moved = {name: part for name in each.levers if (part := next(parts)) == part}
        weight = next(weights) if each.is_weighed else None
        found.append({"id": each.override, "line": each.line, "parts": moved, TOTAL: weight})
    for _ in range(read.one("H")):
        place = read.one("H")
        read.one(fixed[place].mask_code)
        read.floats(len(fixed[place].levers))
    return found


def _numbers(
    read: BytesRead, keys: Sequence[int], known: Known
) -> tuple[list[Steady], Iterator[float], Iterator[float], Iterator[float]]:
    """Return what is steady of each contribution, and the weights, decays and parts of all of them in order."""
    fixed = [steady(known[key]) for key in keys[: read.one("H")]]
    weighed = sum(each.is_weighed for each in fixed)
    count = sum(len(each.levers) for each in fixed)
    return fixed, iter(read.floats(weighed)), iter(read.floats(weighed)), iter(read.floats(count))


def _document(
    fixed: Steady,
    weights: Iterator[float],
    decays: Iterator[float],
    parts: Iterator[float],
    moving: tuple[int, tuple[float, ...]] | None,
) -> dict[str, Any]:
    factors: dict[str, float | None] = dict.fromkeys((*FACTORS, TOTAL))
    if fixed.factors is not None:
        factors |= dict(zip(STEADY_FACTORS, fixed.factors, strict=True))
        factors[PASSING_FACTOR], factors[TOTAL] = next(decays), next(weights)
    targets = fixed.targets if moving is None else moving[1]
    parts_of_this = [next(parts) for _ in fixed.levers]
    return {
        "id": fixed.override,
        "line": fixed.line,
        "parts": {name: part for name, part in zip(fixed.levers, parts_of_this, strict=True) if part == part},
        "targets": dict(zip(fixed.levers, targets or (), strict=True)),
        **factors,
        "ramping": words_of(LEVERS, moving[0]) if moving else [],
    }


def pack_excluded(excluded: Sequence[Document]) -> tuple[bytes, list[Constants]]:
    """Return exclusions as bytes, and their constants in order."""
    for each in excluded:
        if each.keys() != EXCLUDED_FIELDS:
            raise Unpackable("an exclusion has other fields than one of this format")
    constants = [Constants(each["id"], each["line"], LEFT_OUT) for each in excluded]
    reasons = [place_of(EXCLUSION_AT, each["reason"]) for each in excluded]
    return packed_excluded([each.key for each in constants], reasons, [each[TOTAL] for each in excluded]), constants


def packed_excluded(keys: Sequence[int], reasons: Sequence[int], weights: Sequence[float | None]) -> bytes:
    """Return exclusions as bytes; either all or none of them have weights."""
    count = len(keys)
    if not count:
        return layout("H").pack(0)
    has_weights = None not in weights
    if not has_weights and any(weight is not None for weight in weights):
        raise Unpackable("some exclusions have a weight and others do not")
    numbers = weights if has_weights else ()
    form = layout(f"H{count}q{count}BB{len(numbers)}d")
    return form.pack(count, *keys, *reasons, has_weights, *numbers)


def excluded_keys(read: BytesRead) -> tuple[int, ...]:
    """Return the keys of the exclusions that are read next."""
    return read.many(f"{read.one('H')}q")


def skip_excluded(read: BytesRead) -> None:
    """Pass over the exclusions that are read next."""
    count = len(excluded_keys(read))
    if count:
        read.raw(count)
        read.floats(count if read.one("B") else 0)


def unpack_excluded(read: BytesRead, known: Known) -> list[dict[str, Any]]:
    """Return exclusions as a decision's document states them. Raises KeyError for a key that is not known."""
    keys = excluded_keys(read)
    if not keys:
        return []
    reasons = read.many(f"{len(keys)}B")
    weights = read.floats(len(keys)) if read.one("B") else (None,) * len(keys)
    return [
        {"id": known[key].override, "line": known[key].line, "reason": EXCLUSIONS[reason], TOTAL: weight}
        for key, reason, weight in zip(keys, reasons, weights, strict=True)
    ]
