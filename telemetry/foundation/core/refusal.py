"""How a value is refused: where it is, what is wrong with it, and what to send instead.

Readers raise `Refused` with paths relative to the value they were given; their caller prefixes the place. So a path is
only built for a value that is refused, and valid values cost nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,60}")
_PLAIN_STEPS = re.compile(r"(?:\[[0-9]+\]|\.?[A-Za-z0-9_-]{1,60})*")
_SHOWN_CHARACTERS = 60
_MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason: `field` is a path such as `actions[2].rr_after` ("" means the value itself)."""

    field: str
    message: str


class Refused(ValueError):
    """Everything found wrong with one value.

    >>> error = Refused(Refusal("rr", "missing; send a number")).under("trades[3]")
    >>> error.refusals[0].field
    'trades[3].rr'
    >>> str(error)
    'trades[3].rr: missing; send a number'
    """

    def __init__(self, *refusals: Refusal) -> None:
        super().__init__(*refusals)
        self.refusals: tuple[Refusal, ...] = refusals

    @classmethod
    def because(cls, message: str) -> Refused:
        """Return a refusal of the value itself; the caller of its reader adds the path."""
        return cls(Refusal("", message))

    def under(self, place: str) -> Refused:
        """Return the same refusals with paths from the object that holds the value at `place`."""
        return Refused(*(Refusal(join(place, each.field), each.message) for each in self.refusals))

    def __str__(self) -> str:
        return "; ".join(f"{each.field}: {each.message}" if each.field else each.message for each in self.refusals)


def refusals_as_json(refusals: Sequence[Refusal]) -> list[dict[str, str]]:
    """Return refusals as JSON: the first hundred, and how many more there are.

    >>> refusals_as_json([Refusal("rr", "missing")] * 102)[99:]
    [{'field': 'rr', 'message': 'missing'}, {'field': '', 'message': '2 more are not listed; mend these first'}]
    """
    listed = [{"field": each.field, "message": each.message} for each in refusals[:_MOST_LISTED]]
    if more := len(refusals) - len(listed):
        listed.append({"field": "", "message": f"{more} more are not listed; mend these first"})
    return listed


def join(place: str, field: str) -> str:
    """Return `place` and a path below it as one path.

    >>> join("actions", "[2].rr_after"), join("scope", "bucket"), join("rr", ""), join("", "rr")
    ('actions[2].rr_after', 'scope.bucket', 'rr', 'rr')
    """
    if not place or not field or field.startswith("["):
        return place + field
    return f"{place}.{field}"


def json_pointer(path: str) -> str:
    """Return a path as a JSON pointer (RFC 6901), down to the last step that it spells out in full.

    >>> json_pointer("[3].scope.macro_phase"), json_pointer("actions[2].rr_after"), json_pointer("")
    ('/3/scope/macro_phase', '/actions/2/rr_after', '')
    >>> json_pointer("[3].scope['a b']")
    '/3/scope'
    """
    steps = _PLAIN_STEPS.match(path)
    return "".join(f"/{step}" for step in re.split(r"[.\[\]]+", steps[0]) if step) if steps else ""


def label(key: object) -> str:
    """Return a key as a step of a path; keys from outside may hold anything, so unusual ones are escaped and cut.

    >>> label("rr"), label("a b")
    ('rr', "['a b']")
    """
    if isinstance(key, str) and _PLAIN_KEY.fullmatch(key):
        return key
    return f"[{shown(key)}]"


def shown(value: object) -> str:
    """Return a value as text for a message: short, printable, and cheap however large or deep the value is.

    >>> shown("Good"), shown(None), shown(True), shown([1, 2]), shown(float("inf"))
    ("'Good'", 'null', 'true', 'a list', 'Infinity')
    """
    if isinstance(value, str):
        return repr(str(value[:_SHOWN_CHARACTERS])) + ("…" if len(value) > _SHOWN_CHARACTERS else "")
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return repr(float(value)).replace("nan", "NaN").replace("inf", "Infinity")
    if isinstance(value, int):
        return str(int(value)) if value.bit_length() <= 64 else "a very large integer"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "an object" if isinstance(value, dict) else f"a value of type {type(value).__name__}"
