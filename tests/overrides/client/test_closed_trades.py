"""Trades name the decisions that were made for them, and none is lost while the server cannot be reached."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from overrides.client import Receipt, closed_trades
from overrides.client.closed_trades import Decisions, Sender
from tests.builders import wait_until

AT = datetime(2026, 11, 2, 12, tzinfo=UTC)
ENTRY = {"module": "pm", "pattern_key": "a.b.c", "action_category": "entry"}
PAIR = "BTC/USDT"


def question(minutes: float = 0) -> dict[str, Any]:
    return ENTRY | {"at": AT + timedelta(minutes=minutes)}


def trade(*minutes: float, **fields: Any) -> dict[str, Any]:
    actions = [ENTRY | {"at": (AT + timedelta(minutes=each)).isoformat()} | fields for each in minutes]
    return {"external_id": "t", "actions": actions}


def named(joined: Mapping[str, Any]) -> list[Any]:
    return [action.get("decision_ids") for action in joined["actions"]]


@pytest.fixture
def decisions() -> Decisions:
    made = Decisions()
    for minutes in (0, 10, 20):
        made.remember(PAIR, question(minutes), f"at {minutes}")
    return made


class TestJoining:
    def test_names_the_last_decision_before_each_action(self, decisions: Decisions) -> None:
        assert named(decisions.join(PAIR, trade(11, 25))) == [["at 10"], ["at 20"]]

    def test_uses_a_decision_once(self, decisions: Decisions) -> None:
        assert [named(decisions.join(PAIR, trade(11))) for _ in range(2)] == [[["at 10"]], [None]]

    def test_keeps_the_decisions_that_an_action_names(self, decisions: Decisions) -> None:
        assert named(decisions.join(PAIR, trade(25, decision_ids=["mine"]))) == [["mine"]]

    @pytest.mark.parametrize(
        "other", [{"pattern_key": "x.y.z"}, {"action_category": "add"}, {"module": "dm"}, {"at": "noon"}, {"at": None}]
    )
    def test_names_none_for_another_kind_of_action(self, decisions: Decisions, other: dict[str, Any]) -> None:
        assert named(decisions.join(PAIR, trade(25, **other))) == [None]

    def test_names_none_of_another_position_or_of_the_day_before(self, decisions: Decisions) -> None:
        assert named(decisions.join("ETH/USDT", trade(25))) == [None]
        assert named(decisions.join(PAIR, trade(25 * 60))) == [None]

    @pytest.mark.parametrize("actions", [None, "x", 5, [None, 7]])
    def test_leaves_what_is_no_list_of_actions_to_the_server(self, decisions: Decisions, actions: Any) -> None:
        assert decisions.join(PAIR, {"actions": actions})["actions"] == actions

    def test_forgets_the_oldest_position_beyond_its_bound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(closed_trades, "MOST_PLACES", 2)
        made = Decisions()
        for pair in ("a", "b", "c"):
            made.remember(pair, question(), f"of {pair}")

        assert [named(made.join(pair, trade(1))) for pair in ("a", "b", "c")] == [[None], [["of b"]], [["of c"]]]


class Server:
    """A client that receives trades, or none while it is away."""

    def __init__(self) -> None:
        self.is_away = False
        self.received: list[str] = []
        self.tried = threading.Event()

    def record(self, trades: Sequence[Mapping[str, Any]], /) -> list[Receipt]:
        self.tried.set()
        names = [str(trade["external_id"]) for trade in trades]
        if not self.is_away:
            self.received += names
        return [Receipt(name, "unsent" if self.is_away else "new") for name in names]


class TestSending:
    def test_sends_in_order(self) -> None:
        server = Server()
        sender = Sender(server)
        for number in range(250):
            sender.put({"external_id": f"t{number}"})

        assert sender.close(10.0) == 0
        assert server.received == [f"t{number}" for number in range(250)]
        assert sender.counters == {"new": 250}

    def test_sends_again_what_could_not_be_sent(self) -> None:
        server = Server()
        server.is_away = True
        sender = Sender(server, pause=0.01)
        sender.put({"external_id": "t"})
        assert server.tried.wait(10.0)
        server.is_away = False

        wait_until(lambda: server.received == ["t"], "the trade to arrive")
        assert sender.close(10.0) == 0

    def test_leaves_what_waits_to_the_parent_of_a_child_process(self) -> None:
        server = Server()
        server.is_away = True
        sender = Sender(server, pause=60.0)
        sender.put({"external_id": "of the parent"})
        assert server.tried.wait(10.0)
        server.is_away = False

        sender.after_fork()
        sender.put({"external_id": "of the child"})

        assert sender.close(10.0) == 0
        assert server.received == ["of the child"]

    def test_says_at_its_end_what_is_unsent_and_keeps_a_bounded_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(closed_trades, "MOST_TRADES", 3)
        server = Server()
        server.is_away = True
        sender = Sender(server, pause=60.0)
        for number in range(5):
            sender.put({"external_id": f"t{number}"})

        assert sender.close(10.0) == 3
        assert sender.counters["dropped"] == 2
