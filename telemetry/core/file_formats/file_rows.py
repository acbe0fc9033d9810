"""One trade of a file: its payload, its place in the file, and the file's own names for the trade's fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from telemetry.core.file_formats.column_mapping import ColumnMapping
from telemetry.core.file_formats.market_facts import MarketFacts
from telemetry.core.unit_of_risk import Unit
from telemetry.foundation.core.refusal import Refusal, Refused, join

Names = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Defaults:
    """Values for trades whose file does not give them, and how to read files that do not explain themselves.

    - `book`: None means paper, and live for a database of freqtrade.
    - `family` replaces freqtrade's strategy in pattern keys and clusters, so that variants of one strategy share their
      patterns and an entry that several of them took counts once.
    - `exchange`: of freqtrade's trades whose file names none.
    - `risk`: the unit of risk of strategies (or families) by name, where a person chooses it.
    - `correction`: the reason with which trades are moved to another book or source than they were recorded in.
    - `mapping`: how the columns of another bot's CSV are called.
    """

    book: str | None = None
    source: str | None = None
    family: str | None = None
    exchange: str | None = None
    risk: Mapping[str, Unit] = field(default_factory=dict)
    correction: str | None = None
    mapping: ColumnMapping | None = None

    @property
    def book_of_files(self) -> str:
        return self.book or "paper"


@dataclass(frozen=True, slots=True)
class Row:
    """One trade of a file, or the refusals that explain why it could not be read.

    - `place`: where a person finds it, such as "line 17".
    - `payload`: a trade as `parse_trade` takes it; None if refused.
    - `names`: pairs of a path in the payload and the file's own name, such as ("opened_at", "open_date").
    - `size`: the length of the row in characters, if known, so that callers can bound a batch of rows.
    - `market`: fills, stop and prices, from which context and R can be computed with price bars; None if unknown.
    - `earlier`: payloads under which the same trade may be recorded already; equal to one of them, it is unchanged.
    - `family`: the strategy or family by whose unit of risk the trade is measured; None if it brings its own rr.
    - `unit`: that unit, once it is chosen.
    - `run`: the run of a backtest as its metadata names it.
    - `may_revise`: whether a different body is a newer state of the same trade, to be recorded as its next revision.
    - `is_open`: whether the trade has not closed, so that only a later export can hold its result.
    """

    place: str
    payload: object = None
    refusals: tuple[Refusal, ...] = ()
    names: Names = ()
    size: int = 0
    market: MarketFacts | None = None
    earlier: tuple[object, ...] = ()
    family: str | None = None
    unit: Unit | None = None
    run: str | None = None
    may_revise: bool = False
    is_open: bool = False

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


Context = Callable[[Sequence[Row]], Sequence[Row]]  # completes rows, in the same order, by what lies outside their file


def with_defaults(payload: object, defaults: Defaults) -> object:
    """Return the payload with the default book and source where it names none."""
    if not isinstance(payload, dict):
        return payload
    filled = dict(payload)
    if filled.get("book") is None:
        filled["book"] = defaults.book_of_files
    if filled.get("source") is None:
        filled["source"] = defaults.source
    return filled
