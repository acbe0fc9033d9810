"""Pack what a decision was computed from into a trace, and unpack it into the documents that readers know."""

from __future__ import annotations

import json
import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from telemetry.core.decision_trace.bytes_read import BytesRead, Unpackable, layout
from telemetry.core.decision_trace.constants import Constants
from telemetry.core.decision_trace.contributions import (
    Known,
    excluded_keys,
    pack_contributions,
    pack_excluded,
    skip_excluded,
    unpack_contributions,
    unpack_excluded,
    unpack_parts,
)
from telemetry.core.decision_trace.effects import pack_effect, unpack_effect
from telemetry.core.decision_trace.levers import pack_levers, unpack_levers
from telemetry.core.decision_trace.words import REASON_AT, REASONS, place_of
from telemetry.foundation.core.canonical_json import fact_json

FORMAT = 1
HAS_CHALLENGER, HAS_MULTIPLIERS = 1, 2


@dataclass(frozen=True, slots=True)
class Served:
    """The part of a trace that needs no constants: the levers, the challenger's answer and the multipliers."""

    levers: Mapping[str, Any]
    challenger: Mapping[str, Any] | None = None
    multipliers: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """The other part of a trace: the overrides that took part or were left out, and what the levers did to the size."""

    contributions: Sequence[Mapping[str, Any]] = ()
    excluded: Sequence[Mapping[str, Any]] = ()
    effect: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Packed:
    """A trace with the keys of its contributions, in order, and the constants that it names by key."""

    content: bytes
    movers: Sequence[int]
    constants: Collection[Constants]


def pack(served: Served, moved: Moved) -> Packed:
    """Return documents as a trace. Raises Unpackable if it would not say the same.

    >>> packed = pack(Served({"size_mult": {"served": 1.0}}), Moved())
    >>> len(packed.content), unpack_served(packed.content).levers
    (13, {'size_mult': {'served': 1.0}})
    """
    try:
        contributions, movers = pack_contributions(moved.contributions)
        excluded, left_out = pack_excluded(moved.excluded)
        effect = pack_effect(moved.effect, served.levers, moved.contributions)
        content = pack_served(served) + excluded + contributions + effect
    except (KeyError, TypeError, AttributeError, struct.error) as error:
        raise Unpackable(f"{type(error).__name__}: {error}") from error
    packed = Packed(content, [each.key for each in movers], [*movers, *left_out])
    known = {each.key: each for each in packed.constants}
    if unpack_served(content) != served or unpack_moved(content, packed.movers, known) != _lists(moved):
        raise Unpackable("the trace would not say the same")
    return packed


def _lists(moved: Moved) -> Moved:
    return Moved(list(moved.contributions), list(moved.excluded), moved.effect)


def pack_served(served: Served) -> bytes:
    """Return the first part of a trace."""
    parts = [pack_levers(served.levers)]
    if served.challenger is not None:
        if served.challenger.keys() != {"reason", "levers"}:
            raise Unpackable("the challenger's answer has other fields")
        parts += [pack_reason(served.challenger["reason"]), pack_levers(served.challenger["levers"])]
    if served.multipliers is not None:
        parts.append(pack_text(fact_json(served.multipliers)))
    return head(served.challenger is not None, served.multipliers is not None) + b"".join(parts)


def head(has_challenger: bool, has_multipliers: bool) -> bytes:
    """Return the first two bytes of a trace: its format, and what it holds."""
    return layout("BB").pack(FORMAT, has_challenger * HAS_CHALLENGER | has_multipliers * HAS_MULTIPLIERS)


def pack_reason(reason: str) -> bytes:
    """Return a reason as a byte."""
    return layout("B").pack(place_of(REASON_AT, reason))


def pack_text(text: str) -> bytes:
    """Return text with its length as bytes."""
    content = text.encode()
    return layout("H").pack(len(content)) + content


def unpack_served(content: bytes) -> Served:
    """Return the levers, the challenger's answer and the multipliers. Raises ValueError for another format."""
    return _read_served(BytesRead(content))


def _read_served(read: BytesRead) -> Served:
    number, holds = read.many("BB")
    if number != FORMAT:
        raise ValueError(f"a trace of format {number}; this release reads format {FORMAT}")
    levers = unpack_levers(read)
    challenger = multipliers = None
    if holds & HAS_CHALLENGER:
        challenger = {"reason": REASONS[read.one("B")], "levers": unpack_levers(read)}
    if holds & HAS_MULTIPLIERS:
        multipliers = json.loads(read.raw(read.one("H")))
    return Served(levers, challenger, multipliers)


def keys_of(content: bytes, movers: Sequence[int]) -> tuple[int, ...]:
    """Return the keys of the constants that `unpack_moved` needs."""
    read = BytesRead(content)
    _read_served(read)
    return (*movers, *excluded_keys(read))


def unpack_matched(content: bytes) -> tuple[Mapping[str, Any], tuple[int, ...]]:
    """Return the levers, and the keys of the constants of the overrides that matched and were left out."""
    read = BytesRead(content)
    return _read_served(read).levers, excluded_keys(read)


def unpack_moved(content: bytes, movers: Sequence[int], known: Known) -> Moved:
    """Return contributions, exclusions and effects; `known` holds the constants of all `keys_of`."""
    read = BytesRead(content)
    served = _read_served(read)
    excluded = unpack_excluded(read, known)
    contributions = unpack_contributions(read, movers, known)
    return Moved(contributions, excluded, unpack_effect(read, served.levers, contributions))


def effect_of(content: bytes, movers: Sequence[int], known: Known) -> Mapping[str, Any]:
    """Return the effects alone, as `unpack_moved` does; `known` holds the constants of `movers`."""
    read = BytesRead(content)
    served = _read_served(read)
    skip_excluded(read)
    return unpack_effect(read, served.levers, unpack_parts(read, movers, known))
