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

WEIGHED, HAS_TARGETS, EXCLUDED, WIDE = 1, 2, 4, 8
NARROW_MASK, WIDE_MASK = "H", "Q"  # levers as bits: 16 of them, or 64 where one is at a later place


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
    """Constants, unpacked: levers in order; no targets while the override is ramping, no factors without weights.

    `mask_code` is the layout of a set of these levers.
    """

    override: str
    line: str
    levers: tuple[str, ...]
    targets: tuple[float, ...] | None
    factors: tuple[float, ...] | None
    mask_code: str = NARROW_MASK

    @property
    def is_weighed(self) -> bool:
        """Whether the combiner weighs overrides."""
        return self.factors is not None


def mask_code_of(mask: int) -> str:
    """Return the layout of a set of levers: the narrow one unless a lever has a place beyond it.

    >>> mask_code_of(1 << 15), mask_code_of(1 << 16)
    ('H', 'Q')
    """
    return WIDE_MASK if mask >> 16 else NARROW_MASK


def pack_constants(mask: int, targets: tuple[float, ...] | None, factors: tuple[float, ...] | None) -> bytes:
    """Return constants as bytes; `mask` has the bits of the levers that the override moves.

    >>> steady(Constants("a", "b", pack_constants(2, (1.1,), None)))
    Steady(override='a', line='b', levers=('size_mult',), targets=(1.1,), factors=None, mask_code='H')
    """
    kind = (HAS_TARGETS if targets is not None else 0) | (WEIGHED if factors is not None else 0)
    code = mask_code_of(mask)
    numbers = (*(targets or ()), *(factors or ()))
    return layout(f"B{code}{len(numbers)}d").pack(kind | (WIDE if code == WIDE_MASK else 0), mask, *numbers)


LEFT_OUT = layout("BH").pack(EXCLUDED, 0)  # the constants of an override that was left out: its ids alone


@lru_cache(100_000)
def steady(constants: Constants) -> Steady:
    """Return constants unpacked."""
    read = BytesRead(constants.packed)
    kind = read.one("B")
    code = WIDE_MASK if kind & WIDE else NARROW_MASK
    levers = tuple(words_of(LEVERS, read.one(code)))
    targets = read.floats(len(levers)) if kind & HAS_TARGETS else None
    factors = read.floats(len(STEADY_FACTORS)) if kind & WEIGHED else None
    return Steady(constants.override, constants.line, levers, targets, factors, code)
