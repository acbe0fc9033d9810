"""One trade of a file: its payload, its place in the file, and the file's own names for the trade's fields."""

from __future__ import annotations

from dataclasses import dataclass

from telemetry.core.file_formats.market_facts import MarketFacts
from telemetry.foundation.core.refusal import Refusal, Refused, join

Names = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Defaults:
    """Values for trades whose file does not give them.

    `family` replaces freqtrade's strategy in pattern keys, so that variants of one strategy share their patterns.
    """

    book: str = "paper"
    source: str | None = None
    family: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One trade of a file, or the refusals that explain why it could not be read.

    - `place`: where a person finds it, such as "line 17".
    - `payload`: a trade as `parse_trade` takes it; None if refused.
    - `names`: pairs of a path in the payload and the file's own name, such as ("opened_at", "open_date").
    - `size`: the length of the row in characters, if known, so that callers can bound a batch of rows.
    - `market`: fills, stop and prices, from which context and R can be computed with price bars; None if unknown.
    """

    place: str
    payload: object = None
    refusals: tuple[Refusal, ...] = ()
    names: Names = ()
    size: int = 0
    market: MarketFacts | None = None

    @classmethod
    def refused(cls, place: str, refused: Refused) -> Row:
        """Return a row that only carries refusals."""
        return cls(place, refusals=refused.refusals)

    @property
    def claimed_id(self) -> str:
        """The external id that the row claims, at most 200 characters; empty if it claims none."""
        claimed = self.payload.get("external_id") if isinstance(self.payload, dict) else None
        return claimed[:200] if isinstance(claimed, str) else ""

    def in_its_words(self, refused: Refused) -> tuple[Refusal, ...]:
        """Return refusals of the payload with the file's own field names.

        >>> row = Row("line 2", {}, names=(("actions[0]", ""), ("opened_at", "open_date")))
        >>> refused = Refused(Refusal("actions[0].scope.bucket", "no"), Refusal("opened_at", "no"), Refusal("rr", "no"))
        >>> [each.field for each in row.in_its_words(refused)]
        ['scope.bucket', 'open_date', 'rr']
        """
        return tuple(Refusal(self._name(each.field), each.message) for each in refused.refusals)

    def _name(self, path: str) -> str:
        for ours, theirs in self.names:
            rest = path.removeprefix(ours)
            if path.startswith(ours) and rest[:1] in ("", ".", "["):
                return join(theirs, rest.removeprefix("."))
        return path
