"""What an override contributes to every decision alike, stored once and named by decisions with a key of 8 bytes.

The key is a hash of the content, so that the same content has the same key in every process and after every restore.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from telemetry.core.decision_trace.bytes_read import BytesRead, layout
from telemetry.core.decision_trace.words import LEVERS, STEADY_FACTORS, words_of

WEIGHED, HAS_TARGETS, EXCLUDED = 1, 2, 4


class Constants(NamedTuple):
    """An override and its line, with `packed`: the levers it moves, their targets and its steady weight factors."""

    override: str
    line: str
    packed: bytes

    @property
    def key(self) -> int:
        """The name in decisions: a signed number of 64 bits.

        >>> Constants("a", "b", b"").key == Constants("a", "b", b"").key != Constants("b", "a", b"").key
        True
        """
        content = f"{self.override}|{self.line}|".encode() + self.packed
        return int.from_bytes(blake2b(content, digest_size=8).digest(), "little", signed=True)


@dataclass(frozen=True, slots=True)
class Steady:
    """Constants, unpacked: levers in order; no targets while the override is ramping, no factors without weights."""

    override: str
    line: str
    levers: tuple[str, ...]
    targets: tuple[float, ...] | None
    factors: tuple[float, ...] | None

    @property
    def is_weighed(self) -> bool:
        """Whether the combiner weighs overrides."""
        return self.factors is not None


def pack_constants(mask: int, targets: tuple[float, ...] | None, factors: tuple[float, ...] | None) -> bytes:
    """Return constants as bytes; `mask` has the bits of the levers that the override moves.

    >>> steady(Constants("a", "b", pack_constants(2, (1.1,), None)))
    Steady(override='a', line='b', levers=('size_mult',), targets=(1.1,), factors=None)
    """
    kind = (HAS_TARGETS if targets is not None else 0) | (WEIGHED if factors is not None else 0)
    numbers = (*(targets or ()), *(factors or ()))
    return layout(f"BH{len(numbers)}d").pack(kind, mask, *numbers)


LEFT_OUT = layout("BH").pack(EXCLUDED, 0)  # the constants of an override that was left out: its ids alone


@lru_cache(100_000)
def steady(constants: Constants) -> Steady:
    """Return constants unpacked."""
    read = BytesRead(constants.packed)
    kind, mask = read.many("BH")
    levers = tuple(words_of(LEVERS, mask))
    targets = read.floats(len(levers)) if kind & HAS_TARGETS else None
    factors = read.floats(len(STEADY_FACTORS)) if kind & WEIGHED else None
    return Steady(constants.override, constants.line, levers, targets, factors)
