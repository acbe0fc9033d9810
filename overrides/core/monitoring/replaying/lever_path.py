"""How a lever came from neutral to its value, computed from a stored decision.

The parts of the overrides add up to the target; the step limit cuts it, then the bounds do. All in the lever's units:
logs for multipliers, distances from neutral otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overrides.core.engine.definitions.levers import LEVERS


@dataclass(frozen=True, slots=True)
class Movement:
    """One lever of one decision: sum of parts + step_cut + bounds_cut = total, the distance of `value` from neutral.

    `parts` maps override id -> part, largest first; `target` and `value` are lever values, the rest is in units.
    """

    lever: str
    parts: Mapping[str, float]
    target: float
    step_cut: float
    bounds_cut: float
    value: float
    total: float


def movements(levers: Mapping[str, Any], contributions: Sequence[Mapping[str, Any]]) -> dict[str, Movement]:
    """Return the levers that overrides moved, by name; `levers` and `contributions` as a decision stores them."""
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
