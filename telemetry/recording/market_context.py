"""Add to the trades of a file what price bars on disk say of them: their scopes, their R and results that bars tell.

Rows are changed only where the file tells prices (`Row.market`); values that the file itself gives stay as they are.
What bars cannot give is left out and counted with its reason.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from telemetry.core.file_formats.exclusions import WITHOUT_UNIT
from telemetry.core.file_formats.file_rows import Row
from telemetry.core.file_formats.market_facts import MarketFacts
from telemetry.core.market_context.bars import Bars, lengthened
from telemetry.core.market_context.context import BY_MODULE, Context, context
from telemetry.core.market_context.dimensions import OF_UNIVERSE
from telemetry.core.market_context.market import Market
from telemetry.core.market_context.pair_history import PairHistory
from telemetry.core.market_context.universe import Universe
from telemetry.core.unit_of_risk import ATRS, LEAST_RISK, Unit, rr_by_atr
from telemetry.foundation.core.fields import parse_moment
from telemetry.foundation.core.refusal import Refused
from telemetry.foundation.core.words import count_of
from telemetry.recording.bar_files import BarFolder
from telemetry.recording.bar_results import NO_RISK, add_results, deal_of

Payload = dict[str, Any]

CACHED_BARS = 4_000_000
MOST_REMARKS = 10
FARTHEST_PRICE = 2.0  # between the last closed hour and the open rate, as a ratio
OTHER_PRICES = "the prices of the bars are not those of the trade: another pair, unit or time"


@dataclass
class ContextReport:
    """What bars gave to the rows of an import, and what they could not give.

    `given` counts by (action category, name), `missing` by (action category, name, reason). A name is a dimension, or
    one of `rr`, `rr_after`, `leg_rr`, `replays`; the category of `rr` is "trade". Missing `bars` of a
    trade are bars whose prices are not its own, so that nothing of its pair is taken from them.
    """

    rows: int = 0
    without_prices: int = 0
    given: Counter[tuple[str, str]] = field(default_factory=Counter)
    missing: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def note(self, category: str, name: str, reason: str | None) -> None:
        """Count something that was given (without a reason) or is missing."""
        if reason is None:
            self.given[category, name] += 1
        else:
            self.missing[category, name, reason] += 1

    def share(self, category: str, name: str) -> float:
        """Return the share of actions of a category to which a name was given; NaN if there are none."""
        given = self.given[category, name]
        missing = sum(count for (of, named, _), count in self.missing.items() if (of, named) == (category, name))
        return given / (given + missing) if given + missing else math.nan


class BarsContext:
    """Adds the context of bars to batches of rows, and keeps the report on all of them.

    `universe` names the pairs of the market: by default all pairs of the folder with readable bars of one hour or
    less, under `name`. `unreadable` tells why files of others are not read. A row whose strategy is measured by 2 ATR
    gets its rr here, from the ATR14 of 1 h bars that had closed before the entry.
    """

    def __init__(self, folder: BarFolder, universe: Universe | None = None, *, name: str = "bars") -> None:
        self.folder, self.report = folder, ContextReport()
        self.unreadable: dict[str, Refused] = {}
        self._universe, self._name = universe, name
        self._histories: OrderedDict[tuple[str, str | None], PairHistory] = OrderedDict()

    @cached_property
    def market(self) -> Market | None:
        """The market of the universe; None if no bars of one hour or less can be read. Raises Refused without some."""
        pairs = self.folder.hourly() if self._universe is None else self._universe.pairs
        bars = [hours for pair in pairs if (hours := self._hours(pair)) is not None]
        if self._universe is None and not bars:
            return None
        universe = self._universe or Universe.of(self._name, [one.symbol for one in bars])
        try:
            return Market.of(bars, universe)
        except ValueError as error:
            raise Refused.because(f"{error}; download them, or name another universe") from None

    @property
    def remarks(self) -> list[str]:
        """What a person has to know of the files of bars, as sentences: what was mended, and what is not used."""
        mended = [f"{name}: {', '.join(notes)}." for name, notes in sorted(self.folder.notes.items())]
        unused = [f"Not used: {refused}." for _, refused in sorted(self.unreadable.items())]
        other = self.report.missing["trade", "bars", OTHER_PRICES]
        foreign = [f"Bars of the pair gave nothing to {count_of(other, 'trade')}: {OTHER_PRICES}."] if other else []
        cut = [f"{count_of(len(mended) - MOST_REMARKS, 'more file')} of bars with gaps or mended rows."]
        return [*unused, *foreign, *mended[:MOST_REMARKS], *(cut if len(mended) > MOST_REMARKS else [])]

    def __call__(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows with their context, in the same order. Raises Refused if the market cannot be computed."""
        found = list(rows)
        for place in sorted(range(len(rows)), key=lambda place: _pair(rows[place])):
            found[place] = self._row(rows[place])
        return found

    def _row(self, row: Row) -> Row:
        self.report.rows += 1
        facts = row.market
        if facts is None or not isinstance(row.payload, dict):
            self.report.without_prices += 1
            return row
        history = self._own(facts)
        opened_at = int(facts.opened_at.timestamp())
        atr = math.nan if history is None else history.atr(opened_at)
        risk = risk_of(row, atr)
        actions = [self._scoped(action, facts, history) for action in row.payload["actions"]]
        payload = row.payload | {"actions": actions} | self._rr(row, facts, risk, atr)
        course = history.course(facts.timeframe) if history is not None and facts.timeframe else None
        bars = None if course is None else course.bars
        add_results(actions, deal_of(facts, risk), bars, facts.closed_at, payload.get("rr"), self.report.note)
        return replace(row, payload=payload)

    def _own(self, facts: MarketFacts) -> PairHistory | None:
        """Return the bars of the trade's pair, unless their prices are so far from the trade's that they are others."""
        history = self._history(facts.pair, facts.timeframe)
        price = math.nan if history is None else history.price(int(facts.opened_at.timestamp()))
        if math.isnan(price) or 1 / FARTHEST_PRICE < facts.open_rate / price < FARTHEST_PRICE:
            return history
        self.report.note("trade", "bars", OTHER_PRICES)
        return None

    def _rr(self, row: Row, facts: MarketFacts, risk: float | None, atr: float) -> Payload:
        """Return the rr of a trade that is measured by 2 ATR; one measured by its stop has its rr from the file."""
        self.report.note("trade", "rr", NO_RISK if risk is None else None)
        if risk is None or row.unit is not Unit.ATR or not isinstance(row.payload, dict):
            return {}
        excluded = row.payload.get("excluded_reason")
        rr = rr_by_atr(facts.profit_ratio, facts.leverage, atr, facts.open_rate)
        return {"rr": rr, "excluded_reason": None if excluded in WITHOUT_UNIT else excluded}

    def _scoped(self, action: Payload, facts: MarketFacts, history: PairHistory | None) -> Payload:
        """Return the action with its scope; a value of its own is kept, and with one of the market all its own are."""
        own = action.get("scope") or {}
        dimensions = [name for name in BY_MODULE[action["module"]] if name not in own]
        if any(name in own for name in OF_UNIVERSE):
            dimensions = [name for name in dimensions if name not in OF_UNIVERSE]
        at = int(_moment(action["at"]).timestamp())
        side = "short" if facts.is_short else "long"
        found = context(self.market, history, facts.pair, facts.timeframe, at, side, dimensions=dimensions)
        self._count(action["action_category"], found)
        return action | {"scope": {**found.scope, **own}}

    def _count(self, category: str, found: Context) -> None:
        for name in found.scope:
            self.report.note(category, name, None)
        for name, reason in found.missing.items():
            self.report.note(category, name, reason)

    def _hours(self, pair: str) -> Bars | None:
        nearest = self.folder.nearest(pair, "1h")
        bars = None if nearest is None else self._read(pair, nearest)
        return None if bars is None else lengthened(bars, "1h")

    def _read(self, pair: str, timeframe: str) -> Bars | None:
        try:
            return self.folder.read(pair, timeframe)
        except Refused as refused:
            if self._universe is not None and pair in self._universe.pairs:
                raise
            self.unreadable[f"{pair} {timeframe}"] = refused
            return None

    def _history(self, pair: str, timeframe: str | None) -> PairHistory | None:
        """Return a pair's bars of the trade's timeframe and of an hour, from the few million bars kept in memory."""
        key = (pair, timeframe)
        if key not in self._histories:
            wanted = {self.folder.nearest(pair, one) for one in (timeframe, "1h") if one is not None}
            bars = [self._read(pair, one) for one in sorted(filter(None, wanted))]
            self._histories[key] = PairHistory(pair, [one for one in bars if one is not None])
            while len(self._histories) > 1 and sum(map(len, self._histories.values())) > CACHED_BARS:
                self._histories.popitem(last=False)
        self._histories.move_to_end(key)
        history = self._histories[key]
        return history if history.bars else None


def risk_of(row: Row, atr: float) -> float | None:
    """Return one R of a row as a fraction of its open rate, by the unit of its strategy; None if it has no unit.

    `atr` is the ATR at entry as a price, NaN if unknown. The stop is a ratio of the stake, which leverage magnifies.
    """
    facts = row.market
    if facts is None or not isinstance(row.payload, dict):
        return None
    if row.unit is Unit.ATR:
        return None if math.isnan(atr) else max(ATRS * atr / facts.open_rate, LEAST_RISK)
    if row.payload.get("rr") is None or not facts.stop_ratio:
        return None
    return facts.stop_ratio / facts.leverage


def _pair(row: Row) -> tuple[str, str]:
    return ("", "") if row.market is None else (row.market.pair, row.market.timeframe or "")


def _moment(at: object) -> datetime:
    return at if isinstance(at, datetime) else parse_moment(at)
