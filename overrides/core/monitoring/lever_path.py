"""How a lever came from neutral to its value, read off a decision as it was stored.

What the overrides ask for adds up to the target; the step limit takes its part of that, then the bounds take theirs.
All in the lever's units: logarithms where it multiplies, distances from neutral where it adds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overrides.core.engine.definitions.levers import LEVERS


@dataclass(frozen=True, slots=True)
class Movement:
    """One lever of one decision: sum of parts + step_cut + bounds_cut = total, the distance of `value` from neutral.

    `parts` maps override id -> part, what moved most first.
    """

    lever: str
    parts: Mapping[str, float]
    target: float
    step_cut: float
    bounds_cut: float
    value: float
    total: float


def movements(levers: Mapping[str, Any], contributions: Sequence[Mapping[str, Any]]) -> dict[str, Movement]:
    """The levers that overrides moved, by name; `levers` and `contributions` as a decision holds them."""
    return {name: _movement(name, each, contributions) for name, each in levers.items() if "target" in each}


def _movement(name: str, detail: Mapping[str, Any], contributions: Sequence[Mapping[str, Any]]) -> Movement:
    parts = {each["id"]: each["parts"][name] for each in contributions if name in each["parts"]}
    unit = LEVERS[name].unit
    target, value = unit(detail["target"]), unit(detail["value"])
    stepped = unit(detail.get("stepped", detail["value" if detail["step_limited"] else "target"]))  # older ones lack it
    return Movement(
        lever=name,
        parts=dict(sorted(parts.items(), key=lambda part: (-abs(part[1]), part[0]))),
        target=detail["target"],
        step_cut=stepped - target,
        bounds_cut=value - stepped,
        value=detail["value"],
        total=value,
    )
