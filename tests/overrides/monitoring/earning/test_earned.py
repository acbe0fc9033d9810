"""What the whole earned: from decisions and closed trades to the sums of days, and what is read from them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from math import log
from typing import Any

import pytest

from overrides.core.monitoring.earning.earned import Verdict
from overrides.models import EarnedDay
from overrides.monitoring.earning.earned import UNMOVED, earned, earned_by_book
from overrides.monitoring.earning.refresh_earned import first_switched_on, refresh_earned
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.identifiers import uuid7
from telemetry.models import Attribution
from telemetry.recording.named_decisions import HAS_WAITED
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    DAY,
    NOW,
    action_payload,
    decision_ids,
    make_correction,
    make_decision,
    make_trade,
    publish,
    set_mode,
)
from tests.shared_world import Shared

pytestmark = pytest.mark.django_db
OPENED = NOW - 2 * DAY
NONE = dict.fromkeys(UNMOVED, 0)
DM = "dm_pattern.allocation.allocation"


def furnish() -> None:
    publish()
    set_mode("on", at=NOW - 30 * DAY)


@pytest.fixture(scope="module", autouse=True)
def switched_on(shared: Shared) -> Iterator[None]:
    with shared(furnish):
        yield


def sized(m: float, lever: str = "size_mult", **over: Any) -> dict[str, Any]:
    """Return an action that names a recorded decision of size `m`."""
    name = "o" * 64
    effect = {lever: {"m0": 1.0, "m": m, "parts": {name: log(m)}, "lines": {name: "l"}}}
    fields = {key: over[key] for key in ("module", "pattern_key", "action_category") if key in over}
    decision = make_decision(effect, decision_id=uuid7(OPENED), **fields)
    record_decisions([decision])
    return action_payload(decision_ids=decision_ids(decision), **over)


def close(*trades: Any) -> None:
    record_trades(trades, now=NOW)
    attribute_trades(now=NOW)
    refresh_earned(now=NOW)


class TestTheSumsOfDays:
    def test_hold_the_size_replay_of_every_position_moved_or_not(self) -> None:
        close(make_trade("t1", rr=1.5, actions=[sized(1.1)]), make_trade("t2", rr=-1.0))

        found = earned("pm")
        assert (found.trades, found.moved, found.days) == (2, 1, 1)
        assert found.total == pytest.approx(0.15)
        assert found.total == pytest.approx(Attribution.objects.get().total)

    def test_part_what_two_modules_made_of_one_position(self) -> None:
        set_mode("on", module="dm", at=NOW - 30 * DAY)
        allocation = sized(1.2, "alloc_mult", module="dm", pattern_key=DM, action_category="allocation")
        close(make_trade("t1", rr=2.0, actions=[allocation, sized(1.1)]))

        assert earned().total == pytest.approx((1.2 * 1.1 - 1) * 2.0)
        assert earned("dm").total + earned("pm").total == pytest.approx(earned().total)
        assert earned("dm").total > earned("pm").total > 0
        assert (earned().trades, earned().moved) == (1, 1)

    def test_count_an_add_by_its_leg(self) -> None:
        add = sized(1.1, action_category="add", fraction=0.5, leg_rr=3.0)
        close(make_trade("t1", rr=2.0, actions=[action_payload(), add]))

        row = EarnedDay.objects.get(module="pm")
        assert (row.replayed, row.exposure, row.rr) == pytest.approx((0.15, 0.05, 2.0))

    def test_count_the_adds_without_a_leg(self) -> None:
        close(make_trade("t1", actions=[action_payload(), sized(1.1, action_category="add")]))

        assert (earned("pm").unmoved["without_leg"], earned("pm").total) == (1, 0.0)

    def test_count_the_positions_whose_decision_is_not_stored(self) -> None:
        unknown = action_payload(decision_ids=[str(uuid7(OPENED))])
        record_trades([make_trade("t1", actions=[unknown]), make_trade("t2", actions=[sized(1.1)])], now=NOW)
        attribute_trades(now=NOW + HAS_WAITED)
        refresh_earned(now=NOW)

        found = earned("pm")
        assert (found.trades, found.moved, found.unmoved) == (2, 1, {**NONE, "unknown_decision": 1})
        assert earned().unmoved == found.unmoved

    def test_count_the_positions_whose_decision_was_made_for_something_else(self) -> None:
        add = sized(1.1, action_category="add")
        close(make_trade("t1", actions=[action_payload(decision_ids=add["decision_ids"])]))

        assert (earned("pm").trades, earned("pm").moved) == (1, 0)
        assert earned("pm").unmoved == {**NONE, "unfit_decision": 1}

    def test_count_no_position_of_which_another_named_decision_was_used(self) -> None:
        named = sized(1.1)
        named["decision_ids"] = [str(uuid7(OPENED)), *named["decision_ids"]]
        record_trades([make_trade("t1", rr=1.5, actions=[named])], now=NOW)
        attribute_trades(now=NOW + HAS_WAITED)
        refresh_earned(now=NOW)

        assert earned("pm").unmoved == NONE
        assert earned("pm").total == pytest.approx(0.15)

    def test_count_no_position_because_of_a_sale_whose_decision_is_not_stored(self) -> None:
        sale = action_payload(action_category="exit", decision_ids=[str(uuid7(OPENED))])
        record_trades([make_trade("t1", actions=[sized(1.1), sale])], now=NOW)
        attribute_trades(now=NOW + HAS_WAITED)
        refresh_earned(now=NOW)

        assert (earned("pm").unmoved, earned("pm").moved) == (NONE, 1)

    @pytest.mark.parametrize("order", [("live", "dry"), ("dry", "live")])
    def test_count_a_position_once_that_an_excluded_trade_of_a_better_book_tells(self, order: tuple[str, str]) -> None:
        for book in order:
            close(self._told(book, rr=2.0 if book == "live" else 1.0))
        found = earned("pm")

        assert (found.trades, found.left_out["superseded"]) == (1, 1)
        assert found.total == pytest.approx(0.2)  # of the live trade
        refresh_earned(now=NOW, everything=True)
        assert earned("pm").total == pytest.approx(0.2)

    def test_count_the_lesser_book_where_the_excluded_trade_has_no_outcome_or_is_of_another_strategy(self) -> None:
        close(self._told("dry", rr=1.0), self._told("live", rr=None))
        assert earned("pm").total == pytest.approx(0.1)

        other = sized(1.1, pattern_key="rsi.long.dip")
        close(self._told("live", "other", rr=3.0, actions=[other]))
        assert earned("pm").trades == 2
        assert earned("pm").total == pytest.approx(0.4)

    @staticmethod
    def _told(book: str, name: str = "", **over: Any) -> Any:
        """Return a trade of an entry that several books tell, which is excluded in the book `live`."""
        excluded = {"excluded_reason": "not mine"} if book == "live" else {}
        told = {"book": book, "entry_id": "BTC:long:10h", "cluster_id": "BTC:long:10h:donchian", **excluded}
        return make_trade(name or book, **({"actions": [sized(1.1)]} | told | over))

    def test_do_not_count_what_the_bot_moved_of_its_own(self) -> None:
        close(make_trade("t1", rr=1.0, actions=[sized(1.02, applied={"size_mult": 5.0})]))

        assert Attribution.objects.get().total == pytest.approx(4.0)
        assert earned("pm").total == pytest.approx(0.02)

    def test_leave_out_backtests_and_what_was_opened_before_the_module_was_switched_on(self) -> None:
        early = NOW - 31 * DAY
        close(
            make_trade("b", book="backtest"),
            make_trade("o", book="live", opened_at=utc_text(early), actions=[action_payload(at=utc_text(early))]),
            make_trade("p"),
        )

        found = earned("pm")
        assert (found.trades, found.left_out["opened_before"]) == (1, 1)
        assert [each.book for each in earned_by_book() if each.module == "pm"] == [None, "live", "paper"]

    def test_wait_for_the_attribution_of_a_trade(self) -> None:
        record_trades([make_trade("t1", actions=[sized(1.1)])], now=NOW)
        refresh_earned(now=NOW)
        assert (earned("pm").trades, earned("pm").left_out["waiting"]) == (0, 1)

        attribute_trades(now=NOW)
        refresh_earned(now=NOW)
        assert (earned("pm").trades, earned("pm").left_out["waiting"]) == (1, 0)

    def test_follow_a_correction_to_another_day(self) -> None:
        action = sized(1.1)
        close(make_trade("t1", rr=1.5, actions=[action]))
        moved_to = NOW - DAY - timedelta(days=1)
        close(make_correction("t1", rr=-1.0, closed_at=utc_text(moved_to), actions=[action]))

        assert [row.day for row in EarnedDay.objects.filter(module="pm")] == [moved_to.date()]
        assert earned("pm").total == pytest.approx(-0.1)

    def test_do_not_hold_the_day_that_is_not_over(self) -> None:
        close(make_trade("t1", closed_at=utc_text(NOW)))

        assert earned("pm").trades == 0

    def test_are_the_same_when_everything_is_computed_again(self) -> None:
        close(make_trade("t1", rr=1.5, actions=[sized(1.1)]), make_trade("t2", rr=-1.0))
        columns = ("module", "book", "day", "positions", "moved", "replayed", "exposure", "rr")
        before = list(EarnedDay.objects.order_by(*columns).values_list(*columns))
        refresh_earned(now=NOW, everything=True)

        assert list(EarnedDay.objects.order_by(*columns).values_list(*columns)) == before


class TestWhatIsRead:
    def test_is_nothing_while_no_module_was_ever_switched_on(self) -> None:
        EarnedDay.objects.all().delete()

        found = earned("dm")
        assert (found.trades, found.interval, found.verdict) == (0, None, Verdict.TOO_FEW_DAYS)
        assert (found.further_days, found.first, found.computed_at) == (30, None, None)
        assert list(first_switched_on()) == ["pm"]

    def test_holds_the_days_of_a_period_only(self) -> None:
        close(make_trade("t1", rr=1.5, actions=[sized(1.1)]))
        closed = (NOW - DAY).date()

        assert earned("pm", since=closed, until=closed + timedelta(days=1)).trades == 1
        assert earned("pm", until=closed).trades == 0
        assert earned("pm", since=date(2100, 1, 1)).trades == 0

    def test_of_a_module_that_lost_says_so(self) -> None:
        rows = [
            EarnedDay(
                module="pm", book="live", day=date(2026, 1, 1) + timedelta(days=day), positions=10, moved=10,
                replayed=-0.5 + 0.1 * (day % 2), exposure=0.5, rr=1.0, without_leg=0, superseded=0, without_rr=0,
                waiting=0, opened_before=0, computed_at=NOW,
            )
            for day in range(60)
        ]  # fmt: skip
        EarnedDay.objects.bulk_create(rows)

        assert earned("pm").verdict is Verdict.LOSES
        assert earned("pm", since=date(2026, 2, 15)).verdict is Verdict.TOO_FEW_DAYS
        neutral = earned("pm").exposure_neutral
        assert neutral is not None
        assert neutral.mean == pytest.approx(-0.05, abs=0.002)  # of -.045 a trade, an exposure of .05 at rr .1 is .005
