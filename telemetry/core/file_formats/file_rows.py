"""One trade of a file: what it says, where it stands, and what the file calls the fields of a trade."""

from __future__ import annotations

from dataclasses import dataclass

from telemetry.foundation.core.refusal import Refusal, Refused, join

Names = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Defaults:
    """What trades are taken for where their file does not say.

    `family` replaces freqtrade's strategy in pattern keys, so that the variants of one strategy share them.
    """

    book: str = "paper"
    source: str | None = None
    family: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """`place` is where a person finds it ("line 17"); `payload` is a trade as `parse_trade` takes it, None if refused.

    `names` pairs paths of the payload with the file's own ("opened_at", "open_date"); `size` is the row's length in
    characters where a reader knows it, so that whoever gathers rows can bound what they hold.
    """

    place: str
    payload: object = None
    refusals: tuple[Refusal, ...] = ()
    names: Names = ()
    size: int = 0

    @classmethod
    def refused(cls, place: str, refused: Refused) -> Row:
        return cls(place, refusals=refused.refusals)

    @property
    def claimed_id(self) -> str:
        """The external_id a row claims, as far as it can be shown; "" where it claims none."""
        claimed = self.payload.get("external_id") if isinstance(self.payload, dict) else None
        return claimed[:200] if isinstance(claimed, str) else ""

    def in_its_words(self, refused: Refused) -> tuple[Refusal, ...]:
        """Refusals of the payload under the names the file's author knows.

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
