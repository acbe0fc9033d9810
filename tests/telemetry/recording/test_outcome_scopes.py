"""In which scope an action is learned from that names a decision."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import DecisionRecord, record_decisions
from telemetry.models import Action, DirtyGroup, FreshTrade, Outcome
from telemetry.recording.record_trades import record_trades
from tests.builders import KEY, NOW, SCOPE, action_payload, decision_ids, make_correction, make_decision, make_trade

pytestmark = pytest.mark.django_db

SENT = {"macro_phase": "Bad", "hour": "9"}


def record(decision: DecisionRecord, external_id: str = "t1", **action: Any) -> None:
    named = action_payload(scope=SENT, decision_ids=decision_ids(decision), **action)
    record_trades([make_trade(external_id, actions=[named, action_payload(action_category="add")])], now=NOW)


def scopes(external_id: str = "t1") -> list[dict[str, str]]:
    rows = Outcome.objects.filter(trade__external_id=external_id).order_by("action_index")
    return list(rows.values_list("scope", flat=True))


def marked() -> list[tuple[str, ...]]:
    return sorted(DirtyGroup.objects.values_list("module", "pattern_key", "action_category"))


class TestScopeAsked:
    def test_is_learned_from_while_the_fact_stays_as_sent(self, now: datetime) -> None:
        decision = make_decision()
        record_decisions([decision])
        record(decision)
        before = Outcome.objects.get(action_index=0)
        DirtyGroup.objects.all().delete()

        attribute_trades(now=now)

        assert scopes() == [SCOPE, SCOPE]
        assert Action.objects.get(index=0).scope == SENT
        assert marked() == [("pm", KEY, "entry")]
        after = Outcome.objects.get(action_index=0)
        assert after.pk > before.pk
        kept = ("trade_id", "module", "pattern_key", "action_category", "book", "rr", "closed_at", "known_at")
        assert all(getattr(after, name) == getattr(before, name) for name in kept)

    def test_marks_nothing_where_it_was_sent(self, now: datetime) -> None:
        decision = make_decision(scope=SENT)
        record_decisions([decision])
        record(decision)
        DirtyGroup.objects.all().delete()

        attribute_trades(now=now)

        assert (scopes()[0], marked()) == (SENT, [])

    def test_is_taken_up_when_the_decision_arrives_after_the_trade(self, now: datetime) -> None:
        decision = make_decision()
        record(decision)
        assert attribute_trades(now=now) == 0
        assert scopes()[0] == SENT

        record_decisions([decision])
        attribute_trades(now=now)

        assert scopes()[0] == SCOPE

    @pytest.mark.parametrize("wrong", [{"pattern_key": "rsi.long.dip"}, {"at": NOW}])
    def test_counts_of_fitting_decisions_only(self, wrong: dict[str, Any], now: datetime) -> None:
        decision = make_decision(**wrong)
        record_decisions([decision])
        record(decision)

        attribute_trades(now=now)

        assert scopes()[0] == SENT

    def test_marks_the_trade_of_an_allocation(self, now: datetime) -> None:
        about = {"module": "dm", "action_category": "allocation", "pattern_key": "dm_pattern.allocation.allocation"}
        decision = make_decision({}, **about)
        record_decisions([decision])
        record(decision, **about)
        FreshTrade.objects.all().delete()

        attribute_trades(now=now)

        assert FreshTrade.objects.get().trade.external_id == "t1"

    def test_leaves_a_trade_without_outcome_alone(self, now: datetime) -> None:
        decision = make_decision(action_category="exit")
        record_decisions([decision])
        record(decision, action_category="exit")

        assert attribute_trades(now=now) == 1
        assert scopes() == [SCOPE]

    def test_goes_back_to_what_was_sent_when_the_decision_counts_for_another(self, now: datetime) -> None:
        """The second trade named two decisions; the later one is free for it once the first trade lets it go."""
        mine, contested = make_decision(scope={"bucket": "mine"}), make_decision(scope=SENT)
        record_decisions([mine, contested])
        record(contested, "first")
        both = action_payload(scope=SENT, decision_ids=decision_ids(mine, contested))
        record_trades([make_trade("second", actions=[both])], now=now + timedelta(seconds=1))
        attribute_trades(now=now)
        assert scopes("second") == [{"bucket": "mine"}]

        record_trades([make_correction("first", actions=[action_payload()])], now=now + timedelta(minutes=1))
        attribute_trades(now=now + timedelta(minutes=1))

        assert scopes("second") == [SENT]

    def test_is_taken_up_again_when_no_better_book_tells_the_position(self, now: datetime) -> None:
        """The live trade supersedes the backtest until it is excluded."""
        decision = make_decision()
        record_decisions([decision])
        named = action_payload(scope=SENT, decision_ids=decision_ids(decision))
        entry: dict[str, Any] = {"entry_id": "BTC:long:10h"}
        record_trades([make_trade("tested", book="backtest", actions=[named], **entry)], now=now)
        attribute_trades(now=now)
        record_trades([make_trade("real", book="live", **entry)], now=now)
        assert scopes("tested") == []

        correction = make_correction("real", book="live", excluded_reason="a fat finger", **entry)
        record_trades([correction], now=now)
        assert attribute_trades(now=now) == 1

        assert scopes("tested") == [SCOPE]
