"""The serving mode of a module: off, shadow or on, for which share of callers and which scopes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from .arms import Arm, checked_arms
from .field_error import FieldError
from .holdback import LARGEST_PERCENT
from .json_fields import closed_mapping, finite, one_of, required, text

FIELDS = ("mode", "rollout_percent", "allow", "challenger", "rollout_salt", "holdback_percent", "arms")
LONGEST_SALT = 32
PROTECTED_MOTIFS = ("panic_exit", "emergency_exit", "stop")  # the third part of a pattern key


class Mode(StrEnum):
    """Whether answers are served (on), only logged (shadow), or not computed (off)."""

    OFF = "off"
    SHADOW = "shadow"
    ON = "on"


@dataclass(frozen=True)
class ServingMode:
    """How a module is served. `allow` maps dimension -> values: a scope must have one of them to be served.

    - `rollout_percent`: the share of callers served, 0 to 100.
    - `rollout_salt`: what makes this roll-out reach other callers first than another one; empty in roll-outs from
      before there were salts, which all begin with the same callers.
    - `holdback_percent`: the share of positions that are answered neutral, 0 to 20 (`holdback`).
    - `arms`: lever -> what is explored of it (`arms`).
    """

    mode: Mode = Mode.OFF
    rollout_percent: float = 100.0
    allow: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rollout_salt: str = ""
    holdback_percent: float = 0.0
    arms: Mapping[str, Arm] = field(default_factory=dict)

    @property
    def serves_everybody(self) -> bool:
        """Whether neither the roll-out nor an allow-list restricts who is served; a holdback may."""
        return self.rollout_percent >= 100 and not self.allow

    @property
    def runs_holdback(self) -> bool:
        """Whether positions are held back: only what would otherwise be served can be."""
        return self.mode is Mode.ON and self.holdback_percent > 0

    @property
    def runs_arms(self) -> bool:
        """Whether levers are explored: only what would otherwise be served can be."""
        return bool(self.arms) and self.mode is Mode.ON

    @property
    def needs_position(self) -> bool:
        """Whether a question has to name its position to take part in what is measured."""
        return self.runs_holdback or self.runs_arms

    @classmethod
    def checked(cls, document: object) -> Self:
        """Parse a mode. Raises FieldError. A challenger may be named; it is ignored here."""
        values = closed_mapping(document, "mode", FIELDS)
        allow = closed_mapping(values.get("allow", {}), "allow")
        return cls(
            mode=Mode(one_of(required(values, "mode"), "mode", tuple(Mode))),
            rollout_percent=finite(values.get("rollout_percent", 100.0), "rollout_percent", 0, 100),
            allow={text(name, "allow", 40): _values(served, f"allow.{name}") for name, served in allow.items()},
            rollout_salt=text(values["rollout_salt"], "rollout_salt", LONGEST_SALT) if "rollout_salt" in values else "",
            holdback_percent=finite(values.get("holdback_percent", 0.0), "holdback_percent", 0, LARGEST_PERCENT),
            arms=checked_arms(values.get("arms", {})),
        )

    @classmethod
    def parse(cls, document: object) -> Self:
        """Parse a mode as the engine does: a malformed mode is off."""
        try:
            return cls.checked(document)
        except FieldError:
            return cls()


def _values(values: object, where: str) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or not values:
        raise FieldError(where, "must list the values served; leave the dimension out to serve all")
    return tuple(text(value, where, 64) for value in values)


def rollout_position(key: str, salt: str = "") -> float:
    """Return the position of a key in a roll-out, in [0, 100): the same on every machine and in every release.

    Each roll-out of a module has a salt of its own, so that it does not always begin with the same callers.

    >>> round(rollout_position("bot-7"), 3), round(rollout_position("bot-7", "5f2c"), 3)
    (94.99, 63.597)
    """
    salted = f"{salt}\0{key}" if salt else key
    digest = hashlib.sha256(salted.encode("utf-8", "surrogatepass")).digest()
    return (int.from_bytes(digest[:8]) >> 11) / 2**53 * 100.0  # 53 bits: exact in a double, never 100


def in_rollout(mode: ServingMode, key: str | None) -> bool:
    """Return whether a caller is in a partial roll-out (None never is); at 100 percent every caller is."""
    if mode.rollout_percent >= 100:
        return True
    return key is not None and rollout_position(key, mode.rollout_salt) < mode.rollout_percent
