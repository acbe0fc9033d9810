"""Caps on lines: how far from neutral machines may move the levers of a line until the cap ends.

A cap maps lever -> value. It limits the distance from neutral in either direction, in units of the lever, so that a
line whose edge changes sign cannot move farther on the other side. A lever that the cap does not name is not limited.
"""

from __future__ import annotations

from collections.abc import Mapping

from overrides.core.engine.definitions.levers import LEVERS

NOTICEABLE = 1e-12  # in units from neutral; the database uses the same tolerance
Levers = Mapping[str, float]


def cap_on_movement(before: Levers, after: Levers, share: float) -> dict[str, float]:
    """Return the cap that leaves each lever this share (0 to 1) of its proposed movement away from neutral.

    `before` are the targets in force, `after` the proposed ones. A lever that moves towards neutral is capped at its
    proposed target, and one that changes sides begins at neutral.

    >>> {name: round(value, 6) for name, value in cap_on_movement({}, {"size_mult": 1.0404}, 0.5).items()}
    {'size_mult': 1.02}
    >>> cap_on_movement({"entry_delay_bars": 1.0}, {"entry_delay_bars": 3.0}, 0.25)
    {'entry_delay_bars': 1.5}
    >>> cap_on_movement({"entry_delay_bars": 3.0}, {"entry_delay_bars": 1.0}, 0.25)
    {'entry_delay_bars': 1.0}
    """
    cap = {}
    for name, target in after.items():
        lever = LEVERS[name]
        end, start = lever.unit(target), lever.unit(before.get(name, lever.neutral))
        if start * end < 0:
            start = 0.0
        is_nearer = abs(end) <= abs(start)
        cap[name] = target if is_nearer else lever.value_at(start + share * (end - start))
    return cap


def moves_away(before: Levers, after: Levers) -> bool:
    """Return whether a lever ends farther from neutral than it is in force, or on its other side.

    >>> moves_away({}, {"size_mult": 1.1}), moves_away({"size_mult": 1.2}, {"size_mult": 1.1})
    (True, False)
    """
    moves = ((_unit(before, name), _unit(after, name)) for name in after)
    return any(end != 0 and (start * end < 0 or abs(end) > abs(start)) for start, end in moves)


def beyond_cap(levers: Levers, cap: Levers) -> list[str]:
    """Return, for each lever that is farther from neutral than the cap allows, how far it is and may be.

    >>> beyond_cap({"size_mult": 1.1}, {"size_mult": 1.05})
    ['size_mult: 1.1 is farther from neutral than 1.05']
    >>> beyond_cap({"size_mult": 0.96}, {"size_mult": 1.05})
    []
    """
    return [
        f"{name}: {value:g} is farther from neutral than {cap[name]:g}"
        for name, value in levers.items()
        if name in cap and abs(LEVERS[name].unit(value)) > abs(LEVERS[name].unit(cap[name])) + NOTICEABLE
    ]


def within_cap(levers: Levers, cap: Levers) -> dict[str, float]:
    """Return the targets, each at most as far from neutral as the cap allows.

    >>> within_cap({"size_mult": 1.1, "entry_aggression_mult": 1.1}, {"size_mult": 1.05})
    {'size_mult': 1.05, 'entry_aggression_mult': 1.1}
    """
    return {name: _nearer(name, value, cap[name]) if name in cap else value for name, value in levers.items()}


def _unit(levers: Levers, name: str) -> float:
    return LEVERS[name].unit(levers[name]) if name in levers else 0.0


def _nearer(name: str, value: float, limit: float) -> float:
    lever = LEVERS[name]
    wanted, farthest = lever.unit(value), abs(lever.unit(limit))
    if abs(wanted) <= farthest + NOTICEABLE:
        return value
    if wanted * lever.unit(limit) > 0:
        return limit
    return lever.value_at(farthest if wanted > 0 else -farthest)
