"""DM coefficients: what each value of each coefficient dimension earned lately, and its weight (docs/method.md 8).

A memory is kept for each of two time constants tau, as the sums S = sum e^(-age/tau) rr and W = sum e^(-age/tau) as of
its newest trade. W is then at least 1, and the mean S/W, which decay does not change, is always well conditioned.
Trades may arrive in any order.

A weight is derived from the difference of the two shrunk means: how much better a value does *lately* than its long
record suggests. A ratio is meaningless around 0, and an unshrunk mean may be one lucky trade.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from learning.core.cells.rows import LARGEST, Floats, Ints
from overrides.core.engine.definitions.coefficients import HIGHEST, LOWEST
from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.json_fields import closed_mapping, finite, required, whole

TAU_SHORT, TAU_LONG = 14.0, 90.0  # days
KAPPA = 10.0  # weight of the prior, in trades
SCALE = 1.0  # R; a value better than all trades by this much has a weight of e


@dataclass(frozen=True, slots=True)
class DecayedSums:
    """The decayed sums of one tau: S, the weighted sum of outcomes in R, and W, the sum of weights in trades."""

    s: float
    w: float

    @property
    def mean(self) -> float:
        """The decayed mean outcome in R."""
        return self.s / self.w

    def decayed_plus(self, decay: float, rr: float, weight: float) -> DecayedSums:
        """Return the sums decayed by the factor `decay`, with one outcome of the given weight added."""
        return DecayedSums(self.s * decay + rr * weight, self.w * decay + weight)


@dataclass(frozen=True, slots=True)
class Memory:
    """The decayed sums of n trades as of `at`, the close of the newest trade, in days since any fixed origin."""

    n: int
    at: float
    short: DecayedSums
    long: DecayedSums

    @classmethod
    def of(cls, rr: float, day: float) -> Self:
        """Return the memory of one trade. Raises ValueError unless both numbers are finite and within 1e9."""
        outcome, day = finite(rr, "rr"), finite(day, "day")
        return cls(1, day, DecayedSums(outcome, 1.0), DecayedSums(outcome, 1.0))

    def observe(self, rr: float, day: float) -> Memory:
        """Return the memory with one more trade, earlier or later than `at`: the older part is decayed to the newer.

        Raises ValueError unless both numbers are finite and within 1e9. One trade of 2 R and, 14 days later, one of 1 R
        give S = 2/e + 1 and W = 1/e + 1:

        >>> Memory.of(2.0, 0.0).observe(1.0, 14.0).short.mean == (2 / math.e + 1) / (1 / math.e + 1)
        True
        >>> Memory.of(1.0, 14.0).observe(2.0, 0.0) == Memory.of(2.0, 0.0).observe(1.0, 14.0)
        True
        """
        outcome, day = finite(rr, "rr"), finite(day, "day")
        own_age, trade_age = max(day - self.at, 0.0), max(self.at - day, 0.0)  # in days
        short, long = (
            memory.decayed_plus(math.exp(-own_age / tau), outcome, math.exp(-trade_age / tau))
            for memory, tau in ((self.short, TAU_SHORT), (self.long, TAU_LONG))
        )
        return Memory(self.n + 1, max(self.at, day), short, long)

    def weights_at(self, as_of: float) -> tuple[float, float]:
        """Return the weight of the short and of the long memory on day `as_of`, in trades of that day.

        >>> [round(each, 4) for each in Memory.of(2.0, 0.0).weights_at(14.0)]
        [0.3679, 0.8559]
        """
        age = as_of - self.at
        return self.short.w * math.exp(-age / TAU_SHORT), self.long.w * math.exp(-age / TAU_LONG)

    @classmethod
    def from_document(cls, document: object) -> Self:
        """Read a memory from its JSON form. Raises FieldError."""
        fields = closed_mapping(document, "memory", ("n", "at", "short", "long"))
        n, at, short, long = (required(fields, name, "memory") for name in ("n", "at", "short", "long"))
        return cls(
            whole(n, "memory.n", 1), finite(at, "memory.at"), _sums(short, "memory.short"), _sums(long, "memory.long")
        )

    def to_document(self) -> dict[str, Any]:
        """Return the memory as JSON values, as read by `from_document`."""
        short, long = ({"s": each.s, "w": each.w} for each in (self.short, self.long))
        return {"n": self.n, "at": self.at, "short": short, "long": long}


def _sums(document: object, field: str) -> DecayedSums:
    """Read the sums of one tau. Raises FieldError."""
    fields: Mapping[str, Any] = closed_mapping(document, field, ("s", "w"))
    s, w = (finite(required(fields, name, field), f"{field}.{name}", -1e18, 1e18) for name in ("s", "w"))
    if w < 1:
        raise FieldError(f"{field}.w", f"{w!r} is below 1, the weight of the newest trade; rebuild the memory")
    return DecayedSums(s, w)


def memories(rr: Floats, day: Floats, code: Ints) -> dict[int, Memory]:
    """Return code -> memory from columns `(trades,)` in any order, as if `observe` were called for each trade.

    `code` numbers the values of a coefficient dimension; pass zeros for the memory of all trades. Trades without a
    value must be left out. Raises ValueError unless outcomes (R) and days are finite and within 1e9.
    """
    for name, column in (("rr", rr), ("day", day)):
        if not (np.abs(column) <= LARGEST).all():
            raise ValueError(f"{name}: finite and within 1e9 expected; leave out the trades without one")
    codes, position = np.unique(code, return_inverse=True)
    order = np.lexsort((rr, day, position))  # a fixed order makes the sums of the same trades identical to the last bit
    rr, day, position = rr[order], day[order], position[order]
    n, newest = np.bincount(position), np.full(len(codes), -np.inf)
    np.maximum.at(newest, position, day)
    sums = []
    for tau in (TAU_SHORT, TAU_LONG):
        weight = np.exp(-(newest[position] - day) / tau)
        s, w = np.bincount(position, weight * rr), np.bincount(position, weight)
        sums.append([DecayedSums(*pair) for pair in zip(s.tolist(), w.tolist(), strict=True)])
    columns = zip(codes.tolist(), n.tolist(), newest.tolist(), *sums, strict=True)
    return {code: Memory(*memory) for code, *memory in columns}


@dataclass(frozen=True, slots=True)
class Coefficient:
    """The two shrunk means of a value in R, and the weight derived from them, from 0.5 to 2."""

    n: int
    short: float
    long: float
    weight: float


def weigh(memory: Memory, overall: Memory, as_of: float) -> Coefficient:
    """Return the weight of a value as of a day, given its own memory and that of all trades.

    The long mean shrinks to the global long mean. The short mean shrinks to the level expected today of a value with
    that long record, long - global long + global short. Each prior has the weight of 10 trades, against W decayed to
    `as_of`. A value without trades therefore weighs 1, and a value not seen for a long time returns to the level of its
    long record. Raises ValueError if a trade of either memory is newer than `as_of`.

    Ten trades of a value at 1.2 R and ten of others at -1.2 R, all on one day: the long mean keeps half of 1.2 R, the
    short mean lies halfway between that and 1.2 R, and exp(0.9) is clipped.

    >>> ten = memories(np.full(10, 1.2), np.zeros(10), np.zeros(10, int))[0]
    >>> both = memories(np.repeat([1.2, -1.2], 10), np.zeros(20), np.zeros(20, int))[0]
    >>> coefficient = weigh(ten, both, 0.0)
    >>> round(coefficient.long, 12), round(coefficient.short, 12), round(coefficient.weight, 4)
    (0.6, 0.9, 2.0)
    """
    for each in (memory, overall):
        if as_of < each.at:
            raise ValueError(
                f"as_of: day {as_of:g} is before the newest trade, day {each.at:g}; weigh as of a later day"
            )
    long = _shrunk(memory.long, overall.long.mean, (as_of - memory.at) / TAU_LONG)
    prior = long - overall.long.mean + overall.short.mean
    short = _shrunk(memory.short, prior, (as_of - memory.at) / TAU_SHORT)
    advantage = (short - overall.short.mean) / SCALE
    bounded = min(max(advantage, math.log(LOWEST)), math.log(HIGHEST))  # exp(1e9) would overflow
    return Coefficient(memory.n, short, long, min(max(math.exp(bounded), LOWEST), HIGHEST))


def _shrunk(decayed: DecayedSums, prior: float, age_in_taus: float) -> float:
    """Return the decayed mean shrunk towards the prior mean, after `age_in_taus` more time constants of decay."""
    w = decayed.w * math.exp(-age_in_taus)
    return (w * decayed.mean + KAPPA * prior) / (w + KAPPA)
