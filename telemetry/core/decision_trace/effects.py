"""What each lever did to the size of a position, as bytes: it follows from levers and contributions.

Under combiner plan the parts are measured from the caller's value (docs/method.md 11.1): part_i - start * w_i / W, and
the prior has a part of its own. Only `start`, the caller's value in units, is stored for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from telemetry.core.decision_trace.bytes_read import BytesRead, Unpackable, layout
from telemetry.core.decision_trace.words import LEVER_AT, LEVERS, OWN_PART_AT, OWN_PARTS, TOTAL, place_of

AS_CONTRIBUTED, FROM_CURRENT, OWN = range(3)
PRIOR = "prior"
Documents = Sequence[Mapping[str, Any]]


def pack_effect(effect: Mapping[str, Any], levers: Mapping[str, Any], contributions: Documents) -> bytes:
    """Return effects as bytes. Raises Unpackable for one that does not follow from levers and contributions."""
    packed = [layout("B").pack(len(effect))]
    for name, each in effect.items():
        if name in OWN_PART_AT:
            packed.append(pack_own(name, each["parts"].get(name, 0.0), each["m"]))
        elif name not in levers or "value" not in levers[name]:
            raise Unpackable(f"{name} has an effect and was not moved")
        elif levers[name]["combiner"] == "plan":
            packed.append(pack_from_current(name, _start(name, each, levers[name], contributions)))
        else:
            packed.append(pack_as_contributed(name))
    return b"".join(packed)


def pack_own(name: str, part: float, value: float) -> bytes:
    """Return the effect of coefficients or of the cap as bytes."""
    return layout("BBdd").pack(place_of(OWN_PART_AT, name), OWN, part, value)


def pack_as_contributed(name: str) -> bytes:
    """Return the effect of a lever as bytes whose parts are those of its contributions."""
    return layout("BB").pack(place_of(LEVER_AT, name), AS_CONTRIBUTED)


def pack_from_current(name: str, start: float) -> bytes:
    """Return the effect of a lever as bytes whose parts are measured from the caller's value, `start` in units."""
    return layout("BBd").pack(place_of(LEVER_AT, name), FROM_CURRENT, start)


def _start(name: str, effect: Mapping[str, Any], lever: Mapping[str, Any], contributions: Documents) -> float:
    """Return the caller's value in units: the one of the two ways to measure it that gives these parts."""
    m0, neutral = effect["m0"], lever["neutral"]
    logs = [math.log(m0 / neutral)] if m0 > 0 and neutral > 0 else []
    for start in (*logs, m0 - neutral):
        if _moved_from(name, start, lever, contributions)["parts"] == effect["parts"]:
            return float(start)
    raise Unpackable(f"the parts of {name} do not follow from its contributions")


def unpack_effect(read: BytesRead, levers: Mapping[str, Any], contributions: Documents) -> dict[str, Any]:
    """Return effects as a decision's document states them."""
    return dict(_unpacked(read, levers, contributions) for _ in range(read.one("B")))


def _unpacked(read: BytesRead, levers: Mapping[str, Any], contributions: Documents) -> tuple[str, dict[str, Any]]:
    place, kind = read.many("BB")
    if kind == OWN:
        name = OWN_PARTS[place]
        part, value = read.floats(2)
        return name, {"m0": 1.0, "m": value, "parts": {name: part}, "lines": {}}
    name = LEVERS[place]
    if kind == FROM_CURRENT:
        return name, _moved_from(name, read.one("d"), levers[name], contributions)
    lever = levers[name]
    parts = {each["id"]: each["parts"][name] for each in contributions if name in each["parts"]}
    lines = dict(_lines(name, contributions))
    return name, {"m0": lever["neutral"], "m": lever["value"], "parts": parts, "lines": lines}


def _moved_from(name: str, start: float, lever: Mapping[str, Any], contributions: Documents) -> dict[str, Any]:
    prior = lever["prior_weight"]
    whole = prior + (lever["support"] or 0.0)
    parts = {
        each["id"]: each["parts"][name] - (start * each[TOTAL] / whole if whole > 0 else 0.0)
        for each in contributions
        if name in each["parts"]
    }
    if prior > 0:
        parts[PRIOR] = -start * prior / whole + 0.0
    return {"m0": lever["current"], "m": lever["value"], "parts": parts, "lines": dict(_lines(name, contributions))}


def _lines(name: str, contributions: Documents) -> Iterator[tuple[str, str]]:
    return ((each["id"], each["line"]) for each in contributions if name in each["parts"])
