"""A freqtrade strategy that asks for its levers, in backtests, dry runs and live.

    python -m pip install "$(./dev wheel)"            # into freqtrade's environment; it needs numpy alone
    ./dev manage issue_key my-bot --role record --owner YOU
    cp docs/examples/freqtrade_strategy.py user_data/strategies/
    COUNTERWEIGHT_KEY=cw_... freqtrade backtesting --strategy DipWithLevers --export trades

`Counterweight` holds the hooks and goes into your own strategy; `DipWithLevers` shows where your rules call it. Then
`./dev manage import_trades` reads what freqtrade kept. A live or dry-run database holds the decisions with its trades;
a backtest's result does not, so there `--journal user_data/counterweight_journal.jsonl` finds them.

What the hooks really get decides how they ask: `custom_stake_amount` is called before there is a trade, perhaps several
times for one signal, and freqtrade limits and rounds what it returns. So an answer is kept by pair, side, category and
bar, a repeated question gets the same answer, and `order_filled` notes the decision and the lever as it was applied.
After a restart, answers whose orders are still to be filled come from the journal.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from counterweight.client import Answer, Client, Journal, Position, bar_start
from counterweight.client.answers import neutral
from counterweight.pattern_names import pattern_key
from freqtrade.persistence import Order, Trade
from freqtrade.strategy import IStrategy
from pandas import DataFrame

DECISIONS, APPLIED = "counterweight_decision_ids", "counterweight_applied"  # keys of the trade's custom data
POSITION = "counterweight_position_key"  # another one: an order may fill in a later bar than the one it was asked in
BOOKS = {"live": "live", "dry_run": "dry", "backtest": "backtest"}  # by freqtrade's run mode
MOST_KEPT = 5_000  # answers in memory
LONGEST_WAIT = timedelta(hours=24)  # from a decision to the fill of its order; an older one earns nothing


class Asked:
    """An answer that waits for its order to fill, and the stake before levers.

    The stake is None where something is sold, and where the answer comes from the journal, which knows no stakes. No
    dataclass, since freqtrade loads strategies in a way in which those do not work.
    """

    def __init__(self, answer: Answer, position_key: str | None = None) -> None:
        self.answer, self.position_key = answer, position_key
        self.stake: float | None = None


class Counterweight:
    """Hooks between freqtrade and a Counterweight server: whatever fails, levers are neutral and trading goes on."""

    counterweight_url = os.environ.get("COUNTERWEIGHT_URL", "http://127.0.0.1:8000")
    counterweight_journal = "user_data/counterweight_journal.jsonl"

    def bot_start(self, **kwargs: Any) -> None:
        """Fail before the first trade, and not in it, where the key is missing."""
        self._state()

    def ask(
        self,
        category: str,
        pair: str,
        side: str,
        tag: str | None,
        at: datetime,
        entry_bar: datetime,
        position_key: str | None = None,
    ) -> Asked:
        """Return the answer for an action in the bar of `at`: the one that was given before, if it was asked before."""
        bar = bar_start(at, self.timeframe)
        key = (pair, side, category, bar)
        kept = self._state()["asked"]
        if key not in kept:
            position = Position(pair, side, self.get_strategy_name(), self.timeframe, entry_bar)
            known = position_key or position.key
            kept[key] = Asked(self._answer(category, position, tag, at, known), known)
            while len(kept) > MOST_KEPT:
                del kept[next(iter(kept))]
        self._state()["waiting"][pair, side, category] = kept[key]
        return kept[key]

    def scope(self, pair: str, at: datetime, side: str) -> dict[str, str]:
        """The situation before the action, from closed candles alone; `market_scope.py` computes more of it."""
        return {"timeframe": self.timeframe}

    def note(self, trade: Trade, category: str, asked: Asked, order: Order) -> None:
        """Write the decision of a filled order, and the size lever as it was filled, into the trade's custom data."""
        if asked.answer.decision_id is None:
            return
        if asked.position_key is not None and trade.get_custom_data(POSITION) is None:
            trade.set_custom_data(POSITION, asked.position_key)
        decisions = trade.get_custom_data(DECISIONS) or {}
        decisions.setdefault(category, []).append([asked.answer.decision_id])  # a list for each action of the category
        trade.set_custom_data(DECISIONS, decisions)
        used = {"size_mult": order.stake_amount_filled / asked.stake} if asked.stake else {}
        if used:
            applied = trade.get_custom_data(APPLIED) or {}
            trade.set_custom_data(APPLIED, {**applied, asked.answer.decision_id: used})
        self._state()["client"].applied(asked.answer.decision_id, used)  # in the journal, for backtests and restarts

    def order_filled(self, pair: str, trade: Trade, order: Order, current_time: datetime, **kwargs: Any) -> None:
        """Called after every fill; the trade exists by now. An order that was never asked about is left alone."""
        waiting, side = self._state()["waiting"], trade.trade_direction
        if order.ft_order_side == trade.entry_side:
            category = "entry" if trade.nr_of_successful_entries <= 1 else "add"
        else:
            category = "exit" if is_sold(trade) else "trim"
        asked = waiting.pop((pair, side, category), None)
        if asked is not None:
            self.note(trade, category, asked, order)
            kept = self._state()["asked"]  # a decision answers for one action: what it was given for is asked anew
            for key in [key for key, each in kept.items() if each is asked]:
                del kept[key]

    def _answer(self, category: str, position: Position, tag: str | None, at: datetime, position_key: str) -> Answer:
        state = self._state()
        pattern = pattern_key(self.get_strategy_name(), position.side, tag)
        current = state["current"].setdefault((pattern, category), {})
        question = {
            "module": "pm",
            "pattern_key": pattern,
            "action_category": category,
            "scope": self.scope(position.pair, at, position.side),
            "current": dict(current),
            "rollout_key": position_key,
            "position_key": position_key,  # the same in every question about the position
            "book": state["book"],
            "at": at,
        }
        client = state["client"]
        answer = (
            neutral(question, "not asked in this run mode") if client is None else client.resolve(question, position)
        )
        current.update(answer.levers)
        return answer

    def _state(self) -> dict[str, Any]:
        """Return what is kept between hooks, made when it is first needed: freqtrade copies strategies before."""
        if "_counterweight" not in self.__dict__:
            book = BOOKS.get(str(self.config["runmode"]))  # None: hyperopt, which would ask for every epoch
            journal = Journal(self.counterweight_journal)
            client = None
            if book:
                key = os.environ["COUNTERWEIGHT_KEY"]
                client = Client(self.counterweight_url, key, timeout=2.0, journal=journal)
            self._counterweight = {"client": client, "book": book, "asked": {}, "waiting": {}, "current": {}}
            if book in ("live", "dry"):  # a backtest begins anew, and asks of the same bars as the one before
                self._resume(journal)
        return self._counterweight

    def _resume(self, journal: Journal) -> None:
        """Take up the answers that no order had used when the bot ended; without them orders name no decision."""
        state = self._counterweight
        try:
            unused = journal.unused(state["book"], datetime.now(UTC) - LONGEST_WAIT)
        except OSError:
            return  # trading goes on
        for each in unused:
            if each.strategy == self.get_strategy_name():
                asked, place = Asked(each.answer), (each.pair, each.side, each.action_category)
                state["waiting"][place] = state["asked"][(*place, bar_start(each.at, self.timeframe))] = asked


def is_sold(trade: Trade) -> bool:
    """Whether nothing is left of the position, which freqtrade marks as closed only after a backtest's hook."""
    bought = sum(order.safe_amount_after_fee for order in trade.select_filled_orders(trade.entry_side))
    sold = sum(order.safe_filled for order in trade.select_filled_orders(trade.exit_side))
    return sold >= bought * 0.999


class DipWithLevers(Counterweight, IStrategy):
    """Buys dips, adds once when it falls further, sells a part on the way up; each amount times the lever."""

    INTERFACE_VERSION = 3
    timeframe = "5m"
    can_short = False
    stoploss = -0.05
    minimal_roi = {"0": 1.0}
    position_adjustment_enable = True
    max_entry_position_adjustment = 1
    startup_candle_count = 20

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe["mean"] = dataframe["close"].rolling(20).mean()
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        is_dip = dataframe["close"] < dataframe["mean"] * 0.99
        dataframe.loc[is_dip, ["enter_long", "enter_tag"]] = (1, "dip")
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        return dataframe

    def custom_stake_amount(
        self,
        pair: str,
        current_time: datetime,
        current_rate: float,
        proposed_stake: float,
        min_stake: float | None,
        max_stake: float,
        leverage: float,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> float:
        asked = self.ask("entry", pair, side, entry_tag, current_time, bar_start(current_time, self.timeframe))
        asked.stake = proposed_stake
        return proposed_stake * asked.answer.lever("size_mult")

    def adjust_trade_position(
        self,
        trade: Trade,
        current_time: datetime,
        current_rate: float,
        current_profit: float,
        min_stake: float | None,
        max_stake: float,
        current_entry_rate: float,
        current_exit_rate: float,
        current_entry_profit: float,
        current_exit_profit: float,
        **kwargs: Any,
    ) -> float | None:
        if trade.has_open_orders:
            return None
        if current_profit < -0.01 and trade.nr_of_successful_entries == 1:
            asked = self._ask_of(trade, "add", current_time)
            asked.stake = trade.stake_amount / 2
            return asked.stake * asked.answer.lever("size_mult")
        if current_profit > 0.01 and trade.nr_of_successful_exits == 0:
            asked = self._ask_of(trade, "trim", current_time)
            return -trade.stake_amount / 4 * asked.answer.lever("size_mult")
        return None

    def custom_exit(
        self, pair: str, trade: Trade, current_time: datetime, current_rate: float, current_profit: float, **kwargs: Any
    ) -> str | None:
        asked = self._ask_of(trade, "exit", current_time)  # called every few seconds live; asked once per closed bar
        is_up = current_profit > 0.02 / asked.answer.lever("exit_aggression_mult")
        return "target" if is_up else None

    def _ask_of(self, trade: Trade, category: str, at: datetime) -> Asked:
        entry_bar = bar_start(trade.open_date_utc, self.timeframe)
        known = trade.get_custom_data(POSITION)
        return self.ask(category, trade.pair, trade.trade_direction, trade.enter_tag, at, entry_bar, known)
