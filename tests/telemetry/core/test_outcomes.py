from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.core.outcomes import judge, known_at
from telemetry.core.trades import Trade, parse_trade
from telemetry.core.vocabulary import ActionCategory, Module
from tests.telemetry.core.builders import NOW, action_payload, trade_payload


def trade(*actions: dict[str, object], **over: object) -> Trade:
    return parse_trade(trade_payload(actions=[action_payload(**each) for each in actions], **over), now=NOW)


class TestJudge:
    @pytest.mark.parametrize(
        ("module", "category"), [("pm", "entry"), ("pm", "add"), ("dm", "allocation")], ids=lambda value: value
    )
    def test_judges_what_opens_by_the_trade(self, module: str, category: str) -> None:
        closed = trade({"module": module, "action_category": category}, rr=-1.25)

        (outcome,) = judge(closed)

        assert outcome.rr == -1.25
        assert (outcome.module, outcome.action_category) == (Module(module), ActionCategory(category))
        assert (outcome.pattern_key, outcome.scope) == (closed.actions[0].pattern_key, closed.actions[0].scope)
        assert outcome.closed_at == closed.closed_at

    @pytest.mark.parametrize("category", ["trim", "exit"])
    @given(rr=st.floats(-1e9, 1e9), rr_after=st.floats(-1e9, 1e9))
    def test_judges_a_sale_only_by_what_followed(self, category: str, rr: float, rr_after: float) -> None:
        (outcome,) = judge(trade({"action_category": category, "rr_after": rr_after}, rr=rr))

        assert outcome.rr == -rr_after

    def test_has_no_minus_zero(self) -> None:
        (outcome,) = judge(trade({"action_category": "trim", "rr_after": 0.0}))

        assert repr(outcome.rr) == "0.0"

    def test_passes_over_a_sale_nothing_is_known_after_and_keeps_the_index(self) -> None:
        leave = {"action_category": "exit", "rr_after": 2}

        outcomes = judge(trade({}, {"action_category": "trim"}, leave, {"action_category": "add"}))

        assert [(each.action_index, each.rr) for each in outcomes] == [(0, 1.5), (2, -2.0), (3, 1.5)]

    def test_judges_nothing_of_an_excluded_trade(self) -> None:
        assert judge(trade({}, {"action_category": "exit", "rr_after": 2}, excluded_reason="outage")) == ()


class TestKnownAt:
    def test_is_the_close_unless_an_action_says_later(self) -> None:
        """Closed on May 2 at 10:00: a trim settled before it, an exit judged a day after it."""
        sales = [
            {"action_category": "trim", "rr_after": 1, "known_at": "2024-05-02T09:00:00Z"},
            {"action_category": "exit", "rr_after": 2, "known_at": "2024-05-03T10:00:00Z"},
        ]

        outcomes = judge(trade({}, *sales))

        assert [each.closed_at.day for each in outcomes] == [2, 2, 2]
        assert [(each.known_at.day, each.known_at.hour) for each in outcomes] == [(2, 10), (2, 10), (3, 10)]

    def test_holds_for_what_an_entry_says_of_its_alternatives_too(self) -> None:
        entry: dict[str, object] = {
            "counterfactuals": {"entry_delay_bars": {"1": 0.2}},
            "known_at": "2024-05-04T10:00:00Z",
        }

        (outcome,) = judge(trade(entry))

        assert outcome.known_at == datetime(2024, 5, 4, 10, tzinfo=UTC)

    @given(
        days=st.integers(-3000, 3000),
        later=st.none() | st.timedeltas(timedelta(days=-300), timedelta(days=300)),
    )
    def test_is_never_before_the_close_nor_before_what_was_said(self, days: int, later: timedelta | None) -> None:
        closed = NOW + timedelta(days=days)
        stated = None if later is None else closed + later

        found = known_at(closed, stated)

        assert found in (closed, stated)
        assert all(found >= each for each in (closed, stated) if each is not None)
