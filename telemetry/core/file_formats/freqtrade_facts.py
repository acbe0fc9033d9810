"""What a trade of freqtrade says, read strictly from any of its spellings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from telemetry.core.file_formats.freqtrade_fields import (
    entry_bar,
    moment_in,
    number_in,
    optional_number,
    side_is_short,
    text_in,
    timeframe_word,
    truth_in,
)
from telemetry.core.file_formats.freqtrade_orders import Order, filled_orders
from telemetry.core.file_formats.market_facts import MarketFacts
from telemetry.core.file_formats.pattern_parts import name_of
from telemetry.foundation.core.canonical_json import fact_json, utc_text
from telemetry.foundation.core.refusal import Refusal, Refused

FORCED_EXITS = ("force_exit", "force_sell", "forcesell")


@dataclass(frozen=True, slots=True)
class Run:
    """What a file states once for all its trades; values of a trade itself take precedence.

    - `run_id`: the run as the file itself names it; it was part of the identity of trades under the first coding.
    - `label`: the run as its metadata names it, wherever they are, to tell runs apart in a report.
    - `stop_is_custom`: whether the strategy moves its stop by code; None if the file does not say.
    - `is_backtest`: whether the trades are simulated, so that exits by force end the data and not the trade.
    """

    strategy: str | None = None
    run_id: str | None = None
    timeframe: str | None = None
    exchange: str | None = None
    label: str | None = None
    stop_is_custom: bool | None = None
    is_backtest: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """A closed trade: names as the file spells them, times in UTC, ratios of the stake."""

    own_id: str | None
    strategy: str
    pair: str
    exchange: str | None
    is_short: bool
    timeframe: object
    opened_at: datetime
    closed_at: datetime
    tag: str
    exit_reason: str
    profit_ratio: float
    stop_ratio: float
    leverage: float
    open_rate: float | None
    orders: tuple[Order, ...]

    @property
    def side(self) -> str:
        return "short" if self.is_short else "long"

    @property
    def entry_id(self) -> str:
        """Name the entry whatever strategy took it: the pair, the side and the bar in which the trade was opened."""
        return f"{self.pair}:{self.side}:{utc_text(entry_bar(self.opened_at, self.timeframe))}"


class StillOpen(Refused):
    """The trade has not closed: nothing is wrong with it, and a later export will hold its result."""


def read_facts(trade: Mapping[str, object], run: Run) -> Facts:
    """Read a trade under freqtrade's present names. Raises Refused, and StillOpen for an open trade."""
    if truth_in(trade, "is_open"):
        raise StillOpen(Refusal("close_date", "the trade is open; import it once it has closed"))
    if not (trade.get("close_date") or trade.get("close_timestamp")):
        raise Refused(
            Refusal("close_date", "missing; import the trade once it has closed, with the time at which it did")
        )
    is_short, open_rate = side_is_short(trade), optional_number(trade, "open_rate")
    return Facts(
        own_id=_own_id(trade.get("trade_id")),
        strategy=text_in(trade, "strategy", run.strategy),
        pair=text_in(trade, "pair"),
        exchange=name_of(trade.get("exchange") or run.exchange)[:40] or None,
        is_short=is_short,
        timeframe=timeframe_word(trade.get("timeframe") or run.timeframe),
        opened_at=moment_in(trade, "open_date"),
        closed_at=moment_in(trade, "close_date"),
        tag=name_of(trade.get("enter_tag")),
        exit_reason=name_of(trade.get("exit_reason")),
        profit_ratio=number_in(trade, "profit_ratio"),
        stop_ratio=_stop(trade),
        leverage=_leverage(trade),
        open_rate=open_rate if open_rate is not None and open_rate > 0 else None,
        orders=tuple(filled_orders(trade, is_short, open_rate)),
    )


def external_id(facts: Facts) -> str:
    """Return an id that is the same whenever the trade is imported, from any file, run, source or book.

    A trade with an id of its own is known by that, one without by everything that it says, so that a backtest that is
    run again tells the same trades and a run with other settings tells others.
    """
    opened_at = utc_text(facts.opened_at)
    identity = [facts.own_id] if facts.own_id is not None else _content(facts)
    content = fact_json([facts.strategy, facts.pair, opened_at, *identity])
    digest = sha256(content.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"freqtrade:{facts.strategy[:60].strip()}:{facts.pair[:60].strip()}:{opened_at}:{digest}"


def is_censored(facts: Facts, run: Run) -> bool:
    """Return whether the end of a backtest closed the trade, so that its outcome is not known."""
    return run.is_backtest and facts.exit_reason in FORCED_EXITS


def market_facts(facts: Facts, trade: Mapping[str, object], run: Run) -> MarketFacts | None:
    """Return what bars need to know of a trade; None if the file does not give its opening price."""
    if facts.open_rate is None:
        return None
    return MarketFacts(
        exchange=facts.exchange,
        pair=facts.pair,
        is_short=facts.is_short,
        strategy=facts.strategy,
        timeframe=facts.timeframe if isinstance(facts.timeframe, str) else None,
        opened_at=facts.opened_at,
        closed_at=facts.closed_at,
        open_rate=facts.open_rate,
        close_rate=optional_number(trade, "close_rate"),
        leverage=facts.leverage,
        profit_ratio=facts.profit_ratio,
        stop_ratio=abs(facts.stop_ratio),
        stop_is_custom=run.stop_is_custom,
        fee_open=optional_number(trade, "fee_open") or 0.0,
        fee_close=optional_number(trade, "fee_close") or 0.0,
        fills=tuple(sorted((order.fill for order in facts.orders), key=lambda fill: fill.at)),
    )


def _own_id(value: object) -> str | None:
    """Return the id that a trade has of its own as text, the same from a number, from text and from pandas' 7.0."""
    if value is None or isinstance(value, (str, int, float)):
        text = "" if value is None else str(value).strip()
        return re.sub(r"(?<=\d)\.0$", "", text) or None
    raise Refused(Refusal("trade_id", "is no text and no number; export the trades with the ids they have"))


def _content(facts: Facts) -> list[object]:
    moves = [
        [order.is_entry, order.at, None if order.fraction is None else round(order.fraction, 9), order.fill.tag]
        for order in facts.orders
    ]
    return [
        facts.side, facts.timeframe, facts.tag, facts.closed_at, facts.exit_reason,
        facts.profit_ratio, abs(facts.stop_ratio), facts.leverage, moves,
    ]  # fmt: skip


def _stop(trade: Mapping[str, object]) -> float:
    stop = number_in(trade, "initial_stop_loss_ratio")
    if stop == 0:
        message = "is 0, so there is no unit of risk; give the strategy a stop loss, or send rr yourself as JSON lines"
        raise Refused(Refusal("initial_stop_loss_ratio", message))
    return stop


def _leverage(trade: Mapping[str, object]) -> float:
    """Return the leverage, which old files do not have since it was always 1."""
    leverage = number_in(trade, "leverage") if trade.get("leverage") is not None else 1.0
    if not leverage > 0:
        raise Refused(Refusal("leverage", "is no leverage; give a number above 0"))
    return leverage
