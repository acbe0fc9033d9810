"""The hooks of the freqtrade strategy, called as freqtrade calls them; freqtrade itself is needed for none of it.

`tests/bench/freqtrade_release.py` runs the strategy in freqtrade's newest release.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import overrides.client
import overrides.client.answers
import telemetry.core.pattern_names
from overrides.core.engine.definitions.levers import levers_of
from telemetry.core.file_formats.decision_journal import read_journal
from tests.docs.conftest import EXAMPLES
from tests.overrides.client.server import Reply, Stub, stub_server

NOON = datetime(2026, 11, 1, 12, 3, tzinfo=UTC)
PAIR = "BTC/USDT"
DECISION = "019ab000-0000-7000-8000-{:012}"


@dataclass
class Order:
    ft_order_side: str
    safe_filled: float
    stake_amount_filled: float

    @property
    def safe_amount_after_fee(self) -> float:
        return self.safe_filled


@dataclass
class Trade:
    """What the hooks use of freqtrade's trade; a backtest reduces `amount` only after the hook."""

    pair: str = PAIR
    trade_direction: str = "long"
    entry_side: str = "buy"
    exit_side: str = "sell"
    enter_tag: str | None = "dip"
    open_date_utc: datetime = NOON
    stake_amount: float = 100.0
    has_open_orders: bool = False
    orders: list[Order] = field(default_factory=list)
    custom: dict[str, Any] = field(default_factory=dict)

    @property
    def nr_of_successful_entries(self) -> int:
        return len(self.select_filled_orders("buy"))

    @property
    def nr_of_successful_exits(self) -> int:
        return len(self.select_filled_orders("sell"))

    def select_filled_orders(self, side: str) -> list[Order]:
        return [order for order in self.orders if order.ft_order_side == side]

    def get_custom_data(self, key: str) -> Any:
        return json.loads(self.custom[key]) if key in self.custom else None

    def set_custom_data(self, key: str, value: Any) -> None:
        self.custom[key] = json.dumps(value)


class IStrategy:
    """The base class of strategies, as far as the hooks use it."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config

    def get_strategy_name(self) -> str:
        return type(self).__name__


def answered(path: str, body: Any) -> Reply:
    answers: list[dict[str, Any]] = []
    for question in body:
        levers = {lever.name: lever.neutral for lever in levers_of("pm", question["action_category"])}
        moved = {"size_mult": 1.02} if "size_mult" in levers else {"exit_aggression_mult": 1.02}
        number = len(ASKED) + len(answers)
        answers.append({"decision_id": DECISION.format(number), "reason": "SINGLE", "levers": levers | moved})
    ASKED.extend(body)
    return 200, answers


ASKED: list[dict[str, Any]] = []


@pytest.fixture
def server() -> Iterator[Stub]:
    ASKED.clear()
    with stub_server(answered) as stub:
        yield stub


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example as a module, with stand-ins for freqtrade and pandas and the client of this checkout."""
    stubs: dict[str, dict[str, Any]] = {
        "freqtrade": {},
        "freqtrade.persistence": {"Order": Order, "Trade": Trade},
        "freqtrade.strategy": {"IStrategy": IStrategy},
        "pandas": {"DataFrame": dict},
        "counterweight": {},
    }
    for name, content in stubs.items():
        stub = ModuleType(name)
        vars(stub).update(content)
        monkeypatch.setitem(sys.modules, name, stub)
    monkeypatch.setitem(sys.modules, "counterweight.client", overrides.client)
    monkeypatch.setitem(sys.modules, "counterweight.pattern_names", telemetry.core.pattern_names)
    monkeypatch.setitem(sys.modules, "counterweight.client.answers", overrides.client.answers)
    spec = importlib.util.spec_from_file_location("freqtrade_strategy", EXAMPLES / "freqtrade_strategy.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def strategy(module: ModuleType, server: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    return strategy_in("backtest", module, server, tmp_path, monkeypatch)


def strategy_in(mode: str, module: ModuleType, server: Stub, home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("COUNTERWEIGHT_KEY", "cw_key")
    made = module.DipWithLevers({"runmode": mode})
    made.counterweight_url, made.counterweight_journal = server.url, str(home / "journal.jsonl")
    return made


def stake(strategy: Any, at: datetime = NOON, tag: str | None = "dip") -> float:
    made: float = strategy.custom_stake_amount(PAIR, at, 60_000.0, 100.0, 5.0, 1_000.0, 1.0, tag, "long")
    return made


def adjust(strategy: Any, trade: Trade, profit: float, at: datetime = NOON) -> float | None:
    made: float | None = strategy.adjust_trade_position(trade, at, 1.0, profit, 5.0, 1_000.0, 1.0, 1.0, profit, profit)
    return made


def fill(strategy: Any, trade: Trade, order: Order) -> None:
    trade.orders.append(order)
    strategy.order_filled(PAIR, trade, order, NOON)


class TestEntry:
    def test_is_sized_by_the_lever_before_there_is_a_trade(self, strategy: Any) -> None:
        assert stake(strategy) == 102.0
        question = ASKED[0]
        assert (question["pattern_key"], question["action_category"]) == ("DipWithLevers.long.dip", "entry")
        assert (question["scope"], question["at"]) == ({"timeframe": "5m"}, NOON.isoformat())

    def test_is_asked_once_per_bar_however_often_the_hook_is_called(self, strategy: Any) -> None:
        assert [stake(strategy), stake(strategy, NOON + timedelta(seconds=90))] == [102.0, 102.0]
        assert len(ASKED) == 1

        stake(strategy, NOON + timedelta(minutes=5))

        assert len(ASKED) == 2
        assert ASKED[1]["current"]["size_mult"] == 1.02  # what the last answer gave

    def test_names_its_decision_and_what_was_applied_once_it_is_filled(self, strategy: Any, module: ModuleType) -> None:
        trade = Trade()
        stake(strategy)

        fill(strategy, trade, Order("buy", 0.9, 90.0))  # freqtrade limited the stake

        assert trade.get_custom_data(module.DECISIONS) == {"entry": [[DECISION.format(0)]]}
        assert trade.get_custom_data(module.APPLIED) == {DECISION.format(0): {"size_mult": 0.9}}

    def test_that_was_never_asked_about_names_nothing(self, strategy: Any) -> None:
        trade = Trade()

        fill(strategy, trade, Order("buy", 1.0, 100.0))

        assert trade.custom == {}

    def test_without_a_server_is_of_the_proposed_size(self, strategy: Any, server: Stub) -> None:
        server.reply = lambda path, body: (503, {})
        trade = Trade()

        assert stake(strategy) == 100.0
        fill(strategy, trade, Order("buy", 1.0, 100.0))

        assert trade.custom == {}


class TestTradeInItsLife:
    def test_names_a_decision_for_each_action(self, strategy: Any, module: ModuleType) -> None:
        trade = Trade()
        stake(strategy)
        fill(strategy, trade, Order("buy", 1.0, 102.0))

        assert adjust(strategy, trade, -0.02) == pytest.approx(51.0)
        fill(strategy, trade, Order("buy", 0.5, 51.0))
        assert adjust(strategy, trade, 0.015) == pytest.approx(-25.5)
        fill(strategy, trade, Order("sell", 1.2, 122.4))
        assert strategy.custom_exit(PAIR, trade, NOON, 1.0, 0.03) == "target"
        fill(strategy, trade, Order("sell", 0.3, 30.6))

        assert trade.get_custom_data(module.DECISIONS) == {
            "entry": [[DECISION.format(0)]],
            "add": [[DECISION.format(1)]],
            "trim": [[DECISION.format(2)]],
            "exit": [[DECISION.format(3)]],
        }

    def test_asks_for_its_exit_once_per_bar(self, strategy: Any) -> None:
        trade = Trade()

        for seconds in range(0, 300, 5):
            strategy.custom_exit(PAIR, trade, NOON.replace(minute=5) + timedelta(seconds=seconds), 1.0, 0.0)

        assert [question["action_category"] for question in ASKED] == ["exit"]

    def test_adds_nothing_while_an_order_is_open(self, strategy: Any) -> None:
        assert adjust(strategy, Trade(has_open_orders=True), -0.02) is None
        assert ASKED == []

    def test_asks_anew_in_the_same_bar_once_its_decision_is_used(self, strategy: Any, module: ModuleType) -> None:
        first, second = Trade(), Trade()
        for trade in (first, second):
            stake(strategy)
            fill(strategy, trade, Order("buy", 1.0, 102.0))

        assert first.get_custom_data(module.DECISIONS) != second.get_custom_data(module.DECISIONS)


class TestJournal:
    def test_names_the_position_of_each_decision(self, strategy: Any) -> None:
        stake(strategy)
        strategy.custom_exit(PAIR, Trade(), NOON + timedelta(minutes=10), 1.0, 0.0)

        lines = [json.loads(line) for line in Path(strategy.counterweight_journal).read_text().splitlines()]

        assert [line["entry_bar"] for line in lines] == ["2026-11-01T12:00:00+00:00"] * 2
        assert [line["strategy"] for line in lines] == ["DipWithLevers"] * 2

    def test_notes_the_levers_as_they_were_applied(self, strategy: Any) -> None:
        stake(strategy)
        fill(strategy, Trade(), Order("buy", 0.9, 90.0))

        journal = read_journal(Path(strategy.counterweight_journal).read_text().splitlines())

        assert ([line.applied for line in journal[0]], journal[1]) == ([{"size_mult": 0.9}], [])


class TestRestart:
    """A bot that ends between a question and the fill of its order."""

    @pytest.fixture
    def now(self) -> datetime:
        return datetime.now(UTC)

    @pytest.mark.parametrize("mode", ["live", "dry_run"])
    def test_names_the_decision_that_was_asked_before(
        self,
        mode: str,
        module: ModuleType,
        server: Stub,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        now: datetime,
    ) -> None:
        stake(strategy_in(mode, module, server, tmp_path, monkeypatch), now)
        again, trade = strategy_in(mode, module, server, tmp_path, monkeypatch), Trade()

        fill(again, trade, Order("buy", 0.9, 90.0))

        assert trade.get_custom_data(module.DECISIONS) == {"entry": [[DECISION.format(0)]]}
        assert trade.get_custom_data(module.APPLIED) is None  # the stake before the lever is not known any more

    def test_gives_the_same_answer_in_the_same_bar(
        self, module: ModuleType, server: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: datetime
    ) -> None:
        stakes = [stake(strategy_in("live", module, server, tmp_path, monkeypatch), now) for _ in range(2)]

        assert (stakes, len(ASKED)) == ([102.0, 102.0], 1)

    @pytest.mark.parametrize(
        ("mode", "later", "age"),
        [("backtest", "backtest", 0), ("live", "dry_run", 0), ("live", "live", 25)],
    )
    def test_takes_up_no_decision_of_another_run_or_day(
        self,
        mode: str,
        later: str,
        age: int,
        module: ModuleType,
        server: Stub,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        now: datetime,
    ) -> None:
        stake(strategy_in(mode, module, server, tmp_path, monkeypatch), now - timedelta(hours=age))
        again, trade = strategy_in(later, module, server, tmp_path, monkeypatch), Trade()

        fill(again, trade, Order("buy", 1.0, 100.0))

        assert trade.custom == {}

    def test_takes_up_no_decision_that_was_used(
        self, module: ModuleType, server: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: datetime
    ) -> None:
        before = strategy_in("live", module, server, tmp_path, monkeypatch)
        stake(before, now)
        fill(before, Trade(), Order("buy", 1.0, 102.0))
        trade = Trade()

        fill(strategy_in("live", module, server, tmp_path, monkeypatch), trade, Order("buy", 1.0, 100.0))

        assert trade.custom == {}


class TestStart:
    def test_without_a_key_fails_before_the_first_trade(self, strategy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("COUNTERWEIGHT_KEY")

        with pytest.raises(KeyError, match="COUNTERWEIGHT_KEY"):
            strategy.bot_start()


class TestRunMode:
    def test_of_hyperopt_asks_nothing(
        self, module: ModuleType, server: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        strategy = strategy_in("hyperopt", module, server, tmp_path, monkeypatch)

        assert stake(strategy) == 100.0
        assert ASKED == []
