"""The demo's explored lever: its trades are those of the value drawn, and tell of both."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from config.demo.exploring import ARM, LEVER, drawn, explored
from overrides.core.engine.definitions.arms import ArmDraw
from telemetry.core.trades import parse_trade


def draw(arm: float, served: float = 1.0) -> ArmDraw:
    return ArmDraw(ARM, 0.0, arm, is_admitted=True, spent=0.0, served=served)


def entry_of(trade: dict[str, Any]) -> dict[str, Any]:
    return next(each for each in trade["actions"] if each["action_category"] == "entry")


def test_a_trade_earns_what_the_value_drawn_earns_and_replays_both(trades: list[dict[str, Any]]) -> None:
    for trade in trades[::500]:
        change = entry_of(trade)["counterfactuals"][LEVER]["0.5"]
        whole, parts = explored(trade, draw(0.7)), explored(trade, draw(0.2))

        assert (whole["rr"], parts["rr"]) == (trade["rr"], pytest.approx(trade["rr"] + change, abs=1e-6))
        for made, taken in ((whole, "1"), (parts, "0.5")):
            now = datetime.fromisoformat("2027-01-01T00:00:00Z")
            entry = next(each for each in parse_trade(made, now=now).actions if each.action_category == "entry")
            assert entry.taken_arms == {LEVER: taken}
            assert entry.replays[LEVER][taken] == made["rr"] == entry.leg_rr
            assert {"0.5", "1"} <= entry.replays[LEVER].keys()
            assert LEVER not in entry.counterfactuals
        assert trade == trades[trades.index(trade)]
        assert all(not each.get("counterfactuals") for each in parts["actions"])


def test_a_served_value_that_overrides_moved_is_replayed_on_the_line_between(trades: list[dict[str, Any]]) -> None:
    trade = trades[0]
    made = explored(trade, draw(0.7, served=0.9))

    half = entry_of(trade)["counterfactuals"][LEVER]["0.5"]
    assert made["rr"] == pytest.approx(trade["rr"] + half / 5, abs=1e-6)
    assert entry_of(made)["taken_arms"] == {LEVER: "0.9"}


def test_only_an_admitted_position_is_explored() -> None:
    refused = draw(0.2).to_document() | {"admitted": False}

    assert (drawn(None), drawn({}), drawn({LEVER: refused})) == (None, None, None)
    assert drawn({LEVER: draw(0.2).to_document()}) == draw(0.2)
