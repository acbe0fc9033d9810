"""The fresh weights of dm that a change request proposes: those that moved enough, and rest on enough trades and days.

A request contains all coefficients of the next version. Weights that do not move (`next_weight`) keep their value in
force, so that the request and its reviewer see only the others. Fresh weights are compared with those in force, so a
slow drift adds up until it is proposed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from learning.coefficients.coefficient_memory import MODULE, OVERALL, day_of, memory_of
from learning.coefficients.recent_units import days_behind
from learning.core.coefficient_evidence import Fewest
from learning.core.coefficient_steps import next_weight
from learning.core.coefficients import Coefficient, Memory, weigh
from learning.models import Coefficient as Row
from overrides.core.engine.definitions.coefficients import is_material
from overrides.versions.load_version import active_version, current_parameters
from telemetry.foundation.core.canonical_json import utc_text

DECIMALS = 6  # of a weight as displayed and approved


def weigh_all(*, at: datetime) -> tuple[Memory | None, dict[str, Coefficient]]:
    """Return the memory of all trades, and `dimension=value` -> coefficient, as of `at` or of the newest trade."""
    stored = {(row.name, row.key): memory_of(row) for row in Row.objects.filter(module=MODULE)}
    overall = stored.pop(OVERALL, None)
    if overall is None:
        return None, {}
    day = max(day_of(at), overall.at)
    return overall, {f"{lever}={key}": weigh(memory, overall, day) for (lever, key), memory in sorted(stored.items())}


def name_of(row: Row) -> str:
    """Return the name of a row in versions: `dimension=value`."""
    return f"{row.name}={row.key}"


def in_force() -> Mapping[str, float]:
    """Return `dimension=value` -> weight in force; a value that is not in the mapping has weight 1."""
    version = active_version(MODULE)
    return {} if version is None else version.coefficients


def proposed_weights(*, module: str, at: datetime) -> dict[str, Any]:
    """Return the content of a request for the fresh weights; empty if no weight moved enough.

    `coefficients` are all those of the next version, `evidence` the data behind the moved ones. A value whose trades
    are no longer learned from, or too few (`enough`), returns to weight 1.
    """
    if module != MODULE:
        return {}
    overall, fresh = weigh_all(at=at)
    current = in_force()
    moving = {name: each for name, each in fresh.items() if name in current or is_material(1.0, each.weight)}
    strong = enough(moving, day_of(at) if overall is None else max(day_of(at), overall.at))
    after = {name: _next(name, current, fresh, name in strong) for name in sorted(current.keys() | strong)}
    moved = {name for name, weight in after.items() if weight != current.get(name, 1.0)}
    if not moved:
        return {}
    return {
        "coefficients": {name: weight for name, weight in after.items() if weight != 1.0},
        "evidence": {
            "as_of": utc_text(at),
            "moved": len(moved),
            "n": 0 if overall is None else overall.n,
            "short": None if overall is None else overall.short.mean,
            "long": None if overall is None else overall.long.mean,
            "values": {
                name: {"n": fresh[name].n, "short": fresh[name].short, "long": fresh[name].long}
                | ({} if name in strong else {"too_few": True})
                for name in sorted(moved & fresh.keys())
            },
        },
    }


def _next(name: str, current: Mapping[str, float], fresh: Mapping[str, Coefficient], is_enough: bool) -> float:
    """Return the weight of a value in the next version; a value without trades that are learned from has 1."""
    known = fresh.get(name)
    weight = 1.0 if known is None else round(known.weight, DECIMALS)
    return next_weight(current.get(name, 1.0), weight, is_enough=is_enough)


def enough(weights: Mapping[str, Coefficient], as_of: float) -> set[str]:
    """Return the weights that may be proposed: from `n_min` own trades and `effective_days` on.

    The formula of the weight stays as it is; two trades of one day make a weight of 1.5 that says nothing.
    """
    parameters = current_parameters(MODULE)
    fewest = Fewest.of(parameters.evidence)
    many = [name for name, each in weights.items() if each.n >= fewest.trades]
    days = days_behind(many, parameters.learned_from, as_of)
    return {name for name in many if days[name] >= fewest.days}


def request_title(lines: str, content: Mapping[str, Any]) -> str:
    """Return the title of the request's lines, extended by the number of weights proposed to change."""
    if not content:
        return lines
    n = content["evidence"]["moved"]
    text = f"oefficients: {n} weight{'' if n == 1 else 's'}"
    return f"{lines}; c{text}" if lines.removeprefix("Lessons: ") else f"C{text}"
