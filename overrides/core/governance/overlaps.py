"""Lines that can both match one situation and pull the same lever in opposite directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.override_spec import OverrideSpec


@dataclass(frozen=True)
class Opposition:
    """Another line that pulls against a line, and the levers on which it does."""

    other: OverrideSpec
    levers: tuple[str, ...]


def can_both_match(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return whether some situation lies in both scopes: no dimension has different values in them.

    >>> can_both_match({"phase": "Dip"}, {"bucket": "nano"}), can_both_match({"phase": "Dip"}, {"phase": "Good"})
    (True, False)
    """
    return all(other.get(name, value) == value for name, value in one.items())


def opposed_levers(one: OverrideSpec, other: OverrideSpec) -> tuple[str, ...]:
    """Return the levers that two overrides pull in opposite directions in a situation that both match, by name.

    Overrides of another module, pattern or action never match the same question.
    """
    if one.line == other.line or _asked(one) != _asked(other) or not can_both_match(one.scope, other.scope):
        return ()
    return tuple(
        name
        for name in sorted(one.levers.keys() & other.levers.keys())
        if LEVERS[name].unit(one.levers[name]) * LEVERS[name].unit(other.levers[name]) < 0
    )


def opposition(specs: Iterable[OverrideSpec], among: Iterable[OverrideSpec]) -> dict[str, list[Opposition]]:
    """Return line -> the overrides of `among` that pull against it, for each of `specs` that has any.

    Overrides are compared within their pattern and action only. The opposing ones are in the order of their lines.
    """
    asked: dict[tuple[str, str, str], list[OverrideSpec]] = {}
    for each in sorted(among, key=lambda spec: spec.line):
        asked.setdefault(_asked(each), []).append(each)
    found = {}
    for spec in specs:
        against = [(other, opposed_levers(spec, other)) for other in asked.get(_asked(spec), ())]
        opposing = [Opposition(other, levers) for other, levers in against if levers]
        if opposing:
            found[spec.line] = opposing
    return found


def _asked(spec: OverrideSpec) -> tuple[str, str, str]:
    return spec.module, spec.pattern_key, spec.action_category
