"""A whole bot in one file: it asks for its levers, trades on paper and records what became of each trade.

    ./dev start                                                          # the server, on http://127.0.0.1:8000
    ./dev manage issue_key plain-bot --role record --owner YOU           # prints the key once
    python -m pip install "$(./dev wheel)"                               # counterweight.client, which needs numpy alone
    COUNTERWEIGHT_KEY=cw_... python docs/examples/plain_bot.py --trades 3
    COUNTERWEIGHT_KEY=cw_... python docs/examples/plain_bot.py --local   # answers computed here (docs/python_client.md)

Prices are a random walk, and a bar is a second, so that three trades take less than a minute. To make a bot of it, put
your market into `Market` and your rules into `wants_to_enter`; what is asked and recorded stays as it is.
"""

from __future__ import annotations

import argparse
import os
import random
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from counterweight.client import Answer, Client, LocalClient

PATTERN = "plain.long.dip"  # family.state.motif: what your rules call this kind of trade
SYMBOL, TIMEFRAME = "BTC/USDT", "1m"
STAKE, LOT = 100.0, 0.5  # what an entry costs before levers, and the step in which the exchange takes orders
STOP = 0.004  # the distance of the stop: one unit of risk (R)
HOLD = 5  # bars


class Market:
    """A price that walks at random, one step per bar."""

    def __init__(self, seed: int, bar_seconds: float) -> None:
        self._random, self._pause, self.price = random.Random(seed), bar_seconds, 60_000.0

    def next_bar(self) -> float:
        """Wait for the bar to close and return its return."""
        time.sleep(self._pause)
        step = self._random.gauss(0.0, 0.002)
        self.price *= 1 + step
        return step


class Bot:
    """Asks before each action, and names the decisions in the trade that it records."""

    def __init__(self, client: Client, market: Market) -> None:
        self._client, self._market = client, market
        self._current: dict[str, dict[str, float]] = {}  # category -> the levers as they were used last
        self._unsent: list[dict[str, Any]] = []
        self._position = ""  # the key of the position, made before its first question

    def trade(self) -> dict[str, Any]:
        """Wait for a signal, trade once and return the trade as it is recorded."""
        while not wants_to_enter(self._market.next_bar()):
            pass
        self._position = f"plain-bot:{uuid.uuid4()}"
        answer = self._ask("entry")
        stake = round(STAKE * answer.lever("size_mult") / LOT) * LOT  # the exchange takes whole lots only
        opened_at, entry = datetime.now(UTC), self._market.price
        print(f"buys for {stake:g} at {entry:.2f}")
        actions = [self._action("entry", answer, opened_at, applied={"size_mult": stake / STAKE})]
        held, exit_answer = 0, None
        while exit_answer is None or not self._is_over(entry, held, exit_answer):
            self._market.next_bar()
            held += 1
            exit_answer = self._ask("exit")  # once per closed bar
        closed_at = datetime.now(UTC)
        actions.append(self._action("exit", exit_answer, closed_at))
        return {
            "external_id": self._position,  # yours, and the same whenever you send this trade again
            "book": "example",  # paper, dry or live for a bot whose trades may teach: these are of a random walk
            "source": "plain_bot",
            "symbol": SYMBOL,
            "side": "long",
            "timeframe": TIMEFRAME,
            "opened_at": opened_at.isoformat(),
            "closed_at": closed_at.isoformat(),
            "rr": (self._market.price / entry - 1) / STOP,  # the outcome per unit of risk, of a trade of normal size
            "actions": actions,
        }

    def record(self, trade: dict[str, Any]) -> None:
        """Record a trade, with those that could not be sent before it: sending one twice changes nothing."""
        sent = [*self._unsent, trade]
        receipts = self._client.record(sent)
        self._unsent = [each for each, receipt in zip(sent, receipts, strict=True) if receipt.status == "unsent"]
        for receipt in receipts:
            print(receipt.external_id, receipt.status, *(error["message"] for error in receipt.errors))

    def _ask(self, category: str) -> Answer:
        """Ask for the levers of an action; whatever fails, the answer is neutral and the bot goes on."""
        question = {
            "module": "pm",
            "pattern_key": PATTERN,
            "action_category": category,
            "scope": scope(),
            "current": self._current.get(category, {}),
            "rollout_key": self._position,
            "position_key": self._position,  # the same in every question about the position
            "at": datetime.now(UTC),
        }
        answer = self._client.resolve(question)
        if answer.fault:
            print(f"neutral levers: {answer.fault}")
        self._current[category] = dict(answer.levers)
        return answer

    def _action(
        self, category: str, answer: Answer, at: datetime, applied: dict[str, float] | None = None
    ) -> dict[str, Any]:
        """Return an action as it is recorded; `applied` holds the levers as the exchange let them be used."""
        return {
            "module": "pm",
            "pattern_key": PATTERN,
            "action_category": category,
            "at": at.isoformat(),
            "scope": scope(),
            "decision_ids": [answer.decision_id] if answer.decision_id else [],
            **({"applied": applied} if applied else {}),
        }

    def _is_over(self, entry: float, held: int, answer: Answer) -> bool:
        return self._market.price <= entry * (1 - STOP) or held >= HOLD / answer.lever("exit_aggression_mult")


def wants_to_enter(step: float) -> bool:
    """Your rules: this bot buys what has just fallen."""
    return step < -0.001


def scope() -> dict[str, str]:
    """The situation as it is known before the action, in the words of the dimensions (docs/bots.md)."""
    return {"timeframe": TIMEFRAME, "bucket": "big"}


def main() -> None:
    parser = argparse.ArgumentParser(description="Trade on paper with the levers of a Counterweight server.")
    parser.add_argument("--url", default=os.environ.get("COUNTERWEIGHT_URL", "http://127.0.0.1:8000"))
    parser.add_argument("--trades", type=int, default=3)
    parser.add_argument("--bar-seconds", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--local", action="store_true", help="compute answers here, from the server's snapshot")
    options = parser.parse_args()
    key = os.environ.get("COUNTERWEIGHT_KEY") or parser.error("COUNTERWEIGHT_KEY is not set: a key of the role record")
    kind = LocalClient if options.local else Client
    with kind(options.url, key) as client:  # in the end it sends what waits
        bot = Bot(client, Market(options.seed, options.bar_seconds))
        for _ in range(options.trades):
            bot.record(bot.trade())
    print(client.counters)


if __name__ == "__main__":
    main()
