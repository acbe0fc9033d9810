"""Honest arms: which positions get a reviewed alternative of a lever instead of its served value, by their own draws.

A lever that does not scale the outcome has no effect that a log could tell, so it is measured by a draw: a position in
the explored share gets, with a known probability, an alternative that was reviewed. Both draws come from a keyed hash
of the position's key, so all questions about a position agree, and nobody without the server's secret can choose.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Self

from .field_error import FieldError
from .holdback import DRAWS
from .json_fields import closed_mapping, finite, required
from .levers import LEVERS

LEAST, MOST = 0.1, 0.5  # probability of the alternative: outside, one of the two arms would teach almost nothing
SMALLEST_SHARE = 0.01  # percent of positions
SMALLEST_LOSS, LARGEST_BUDGET = 0.01, 1000.0  # R
FIELDS = ("alternative", "probability", "share_percent", "rr_per_week", "rr_per_position")
EXACT = "its effect is known exactly from the replay of sizes; a draw would cost money and teach nothing"


@dataclass(frozen=True, slots=True)
class Arm:
    """A reviewed exploration of one lever.

    - `alternative`: the value that is served instead, inside the lever's bounds; the step limit does not apply to it.
    - `probability`: that a position of the explored share gets the alternative, 0.1 to 0.5.
    - `share_percent`: the share of positions that are explored, above 0 to 100.
    - `rr_per_week`: what exploring may cost in a week of UTC, in R.
    - `rr_per_position`: what is reserved of it for each position that gets the alternative, in R: the loss expected of
      one, as reviewed.
    """

    alternative: float
    probability: float
    share_percent: float
    rr_per_week: float
    rr_per_position: float

    @classmethod
    def checked(cls, lever: str, document: object) -> Self:
        """Parse an arm of a lever. Raises FieldError, also for a lever that scales the outcome.

        >>> Arm.checked("size_mult", {})
        Traceback (most recent call last):
        overrides.core.engine.definitions.field_error.FieldError: arms.size_mult: its effect is known exactly from the\
 replay of sizes; a draw would cost money and teach nothing
        """
        place = f"arms.{lever}"
        if LEVERS[lever].scales_on:
            raise FieldError(place, EXACT)
        values = closed_mapping(document, place, FIELDS)
        low, high = LEVERS[lever].low, LEVERS[lever].high

        def number(name: str, least: float, most: float) -> float:
            return finite(required(values, name, place), f"{place}.{name}", least, most)

        arm = cls(
            alternative=number("alternative", low, high),
            probability=number("probability", LEAST, MOST),
            share_percent=number("share_percent", SMALLEST_SHARE, 100),
            rr_per_week=number("rr_per_week", SMALLEST_LOSS, LARGEST_BUDGET),
            rr_per_position=number("rr_per_position", SMALLEST_LOSS, LARGEST_BUDGET),
        )
        if arm.rr_per_position > arm.rr_per_week:
            raise FieldError(f"{place}.rr_per_position", "is more than rr_per_week, which no position could then spend")
        if any(round(getattr(arm, name), 6) != getattr(arm, name) for name in FIELDS):
            raise FieldError(place, "has a number of more than six decimals; round it")
        return arm

    def to_document(self) -> dict[str, float]:
        """Return the arm as JSON values."""
        return {name: getattr(self, name) for name in FIELDS}


def checked_arms(document: object) -> dict[str, Arm]:
    """Parse the arms of a module by lever. Raises FieldError.

    >>> checked_arms({"trail_mult": {}})
    Traceback (most recent call last):
    overrides.core.engine.definitions.field_error.FieldError: arms.trail_mult.alternative: missing; state it
    """
    values = closed_mapping(document, "arms", LEVERS)
    return {lever: Arm.checked(lever, values[lever]) for lever in sorted(values)}


def arm_draws(secret: bytes, lever: str, position_key: str) -> tuple[float, float]:
    """Return a position's draws for a lever: for the share in [0, 100), in steps of 1e-6, and for the arm in [0, 1).

    Those of different levers, and that of the holdback, are independent of each other.

    >>> arm_draws(b"secret", "trail_mult", "BTC/USDT 2026-11-27 00:00")
    (95.888767, 0.7299979)
    """
    message = f"arm\0{lever}\0{position_key}".encode("utf-8", "surrogatepass")
    digest = hmac.digest(secret, message, sha256)
    share, arm = (int.from_bytes(digest[start : start + 8]) >> 11 for start in (0, 8))  # 53 bits each
    return (share * DRAWS >> 53) / 1e6, (arm * DRAWS >> 53) / DRAWS


@dataclass(frozen=True, slots=True)
class ArmDraw:
    """The part of one position in the exploration of one lever, as its decisions store it.

    - `share_draw`, `draw`: see `arm_draws`; the position is explored where `share_draw` < `arm.share_percent`, and gets
      the alternative where `draw` < `arm.probability` as well, if it was admitted.
    - `is_admitted`: whether the week's budget had room for one more position when it was asked about first. This is
      asked before the arm is known and in the same way for both, so it does not tilt the comparison.
    - `spent`: what the week had spent by then, in R; None if nobody could tell, or the position is not explored.
    - `served`: the lever's value as it would be, or is, without the alternative.
    """

    arm: Arm
    share_draw: float
    draw: float
    is_admitted: bool = False
    spent: float | None = None
    served: float | None = None

    @property
    def is_in_share(self) -> bool:
        """Whether the position is one of those to be explored."""
        return self.share_draw < self.arm.share_percent

    @property
    def is_alternative(self) -> bool:
        """Whether the alternative is served."""
        return self.is_admitted and self.is_in_share and self.draw < self.arm.probability

    @property
    def value(self) -> float | None:
        """The value of the lever in this position; None before the served one is known."""
        return self.arm.alternative if self.is_alternative else self.served

    def beside(self, served: float) -> ArmDraw:
        """Return the draw with the value that is served without the alternative."""
        return replace(self, served=served)

    def to_document(self) -> dict[str, Any]:
        """Return everything that a replay needs, as JSON values."""
        return {
            **self.arm.to_document(),
            "share_draw": self.share_draw,
            "draw": self.draw,
            "admitted": self.is_admitted,
            "spent": self.spent,
            "served": self.served,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Return a stored draw. Raises KeyError or TypeError for what is none."""
        arm = Arm(**{name: document[name] for name in FIELDS})
        return cls(
            arm, document["share_draw"], document["draw"], document["admitted"], document["spent"], document["served"]
        )
