"""A named set of pairs. Phases, buckets and leaders depend on it, so its hash stands beside them in every scope."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

NAME_LENGTH = 40
NAME_RULE = f"1 to {NAME_LENGTH} printable characters without @ and colons, and no space at its ends"


@dataclass(frozen=True)
class Universe:
    """The pairs that a market's tables are computed from; `pairs` are sorted and distinct.

    The hash is sha256, as hex, of the UTF-8 text `name + "\\n" + "\\n".join(sorted(pairs))`. Module parameters store
    name, pairs and hash by the same rule, and a scope carries `label` as its dimension `universe`.

    >>> universe = Universe.of("majors", ["ETH/USDT", "BTC/USDT", "BTC/USDT"])
    >>> universe.pairs, universe.label
    (('BTC/USDT', 'ETH/USDT'), 'majors@e0d6ffe44789')
    """

    name: str
    pairs: tuple[str, ...]

    @classmethod
    def of(cls, name: str, pairs: Iterable[str]) -> Universe:
        """Return the universe of these pairs. Raises ValueError for an unusable name or without pairs."""
        found = tuple(sorted(set(pairs)))
        if not found:
            raise ValueError("a universe needs at least one pair")
        if not is_universe_name(name):
            raise ValueError(f"a universe's name has {NAME_RULE}")
        return cls(name, found)

    @cached_property
    def hash(self) -> str:
        """The sha256 of name and pairs, 64 hexadecimal digits."""
        return sha256("\n".join((self.name, *self.pairs)).encode()).hexdigest()

    @property
    def label(self) -> str:
        """The value of the dimension `universe`: the name and the first 12 digits of the hash."""
        return f"{self.name}@{self.hash[:12]}"


def is_universe_name(name: str) -> bool:
    """Return whether a universe may have this name; module parameters accept the same ones.

    >>> is_universe_name("top 10"), is_universe_name("top:10"), is_universe_name("top@10"), is_universe_name("")
    (True, False, False, False)
    """
    return 0 < len(name) <= NAME_LENGTH and name.isprintable() and name == name.strip() and not set(name) & {"@", ":"}
