"""Lines that can both match one situation and pull the same lever in opposite directions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.override_spec import OverrideSpec


@dataclass(frozen=True)
class Pull:
    """Where an override acts and where it moves its levers: `levers` maps lever -> target. `override` is its id."""

    override: str
    line: str
    module: str
    pattern_key: str
    action_category: str
    scope: Mapping[str, str]
    levers: Mapping[str, float]

    @classmethod
    def of(cls, spec: OverrideSpec) -> Self:
        """Return the pull of an override."""
        return cls(spec.id, spec.line, spec.module, spec.pattern_key, spec.action_category, spec.scope, spec.levers)

    @property
    def asked(self) -> tuple[str, str, str]:
        """What a question has to name for the override to match it, besides the scope."""
        return self.module, self.pattern_key, self.action_category


@dataclass(frozen=True)
class Opposition:
    """Another override that pulls against one, and the levers on which it does."""

    other: Pull
    levers: tuple[str, ...]


def can_both_match(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return whether some situation lies in both scopes: no dimension has different values in them.

    >>> can_both_match({"phase": "Dip"}, {"bucket": "nano"}), can_both_match({"phase": "Dip"}, {"phase": "Good"})
    (True, False)
    """
    return all(other.get(name, value) == value for name, value in one.items())


def opposed_levers(one: Pull, other: Pull) -> tuple[str, ...]:
    """Return the levers that two overrides pull in opposite directions in a situation that both match, by name.

    Overrides of another module, pattern or action never match the same question.
    """
    if one.line == other.line or one.asked != other.asked or not can_both_match(one.scope, other.scope):
        return ()
    return tuple(
        name
        for name in sorted(one.levers.keys() & other.levers.keys())
        if LEVERS[name].unit(one.levers[name]) * LEVERS[name].unit(other.levers[name]) < 0
    )


def opposition(pulls: Iterable[Pull], among: Iterable[Pull]) -> dict[str, list[Opposition]]:
    """Return line -> the overrides of `among` that pull against it, for each of `pulls` that has any.

    Overrides are compared within their pattern and action only. The opposing ones are in the order of their lines.
    """
    by_direction: dict[tuple[tuple[str, str, str], str, bool], list[Pull]] = {}
    for each in sorted(among, key=lambda pull: pull.line):
        for name, is_up in _directions(each):
            by_direction.setdefault((each.asked, name, is_up), []).append(each)
    found = {}
    for pull in pulls:
        against: dict[str, tuple[Pull, list[str]]] = {}
        for name, is_up in _directions(pull):
            for other in by_direction.get((pull.asked, name, not is_up), ()):
                if other.line != pull.line and can_both_match(pull.scope, other.scope):
                    against.setdefault(other.line, (other, []))[1].append(name)
        if against:
            found[pull.line] = [
                Opposition(other, tuple(sorted(names))) for _, (other, names) in sorted(against.items())
            ]
    return found


def _directions(pull: Pull) -> Iterator[tuple[str, bool]]:
    """Yield each lever that an override moves, and whether it moves it up."""
    for name, value in pull.levers.items():
        unit = LEVERS[name].unit(value)
        if unit != 0:
            yield name, unit > 0
