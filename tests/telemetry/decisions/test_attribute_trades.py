"""What served levers earned on closed trades, computed by hand and through the verb."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import log
from typing import Any

import pytest
from django.db import connection

from telemetry.core.decision_fit import REASONS, Misfit
from telemetry.decisions.attribute_trades import DUE, attribute_trades
from telemetry.decisions.attributed_trades import ABSURD, LATER, LEG, NEUTRAL
from telemetry.decisions.decision_log import DecisionRecord, record_decisions
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.identifiers import uuid7
from telemetry.models import (
    Attribution,
    AttributionShare,
    Decision,
    DecisionCredit,
    DecisionOutcome,
    PendingAttribution,
)
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    DAY,
    NOW,
    action_payload,
    decision_ids,
    make_correction,
    make_decision,
    make_trade,
    run_concurrently,
)

A, B, C = "a" * 64, "b" * 64, "c" * 64
NO_DECISION = REASONS[Misfit.UNKNOWN]
EXACT = 1e-12


def lever(m: float, parts: dict[str, float], m0: float = 1.0) -> dict[str, Any]:
    return {"m0": m0, "m": m, "parts": parts, "lines": {key: f"line of {key[0]}" for key in parts}}


def served(decision: DecisionRecord, **over: Any) -> dict[str, Any]:
    return action_payload(decision_ids=decision_ids(decision), **over)


def close_trade(*actions: dict[str, Any], rr: float = 2.0, **over: Any) -> None:
    record_trades([make_trade(rr=rr, actions=list(actions), **over)], now=NOW)


def shares() -> dict[str, float]:
    return dict(AttributionShare.objects.values_list("override_id", "share"))


def outcomes() -> list[tuple[int, float, str]]:
    rows = DecisionOutcome.objects.order_by("action_index", "id")
    return list(rows.values_list("action_index", "rr", "unattributed"))


@pytest.mark.django_db
class TestAttributeTrades:
    def test_shares_out_an_entry_and_an_allocation_by_hand(self, now: datetime) -> None:
        """Size 1.02 (half of what two overrides contribute) times allocation 1.1: (1.122 - 1) * 2 R in all."""
        entry = make_decision({"size_mult": lever(1.02, {A: log(1.02), B: log(1.02)})})
        about = {"module": "dm", "action_category": "allocation", "pattern_key": "dm_pattern.allocation.allocation"}
        allocation = make_decision({"alloc_mult": lever(1.1, {C: log(1.1)})}, **about)
        record_decisions([entry, allocation])
        close_trade(served(allocation, **about), served(entry), rr=2.0)

        assert attribute_trades(now=now) == 1

        found = Attribution.objects.get()
        assert found.total == pytest.approx(0.244, abs=EXACT)
        assert (found.rr, found.carried, found.residual) == (2.0, 0.0, 0.0)
        # K = .122 / ln 1.122 = 1.0598299; A and B earn ln 1.02 / 2 * K * 2, C earns ln 1.1 * K * 2.
        assert shares() == {
            A: pytest.approx(0.020987418, abs=1e-8),
            B: pytest.approx(0.020987418, abs=1e-8),
            C: pytest.approx(0.202025165, abs=1e-8),
        }
        assert sum(shares().values()) == pytest.approx(0.244, abs=EXACT)
        assert AttributionShare.objects.get(override_id=A).line_id == "line of a"
        assert AttributionShare.objects.get(override_id=A).part == log(1.02)
        assert outcomes() == [(0, 2.0, ""), (1, 2.0, "")]

    def test_leaves_the_value_before_the_overrides_as_carried(self, now: datetime) -> None:
        """From 1.25 to 1.275 at 2 R: .25 * 2 was carried, (1.275 - 1.25) * 2 is the override's."""
        decision = make_decision({"size_mult": lever(1.275, {A: log(1.02)}, m0=1.25)})
        record_decisions([decision])
        close_trade(served(decision), rr=2.0)

        attribute_trades(now=now)

        found = Attribution.objects.get()
        assert found.carried == 0.5
        assert found.total == pytest.approx(0.55, abs=EXACT)
        assert shares() == {A: pytest.approx(0.05, abs=EXACT)}

    def test_gives_no_share_where_neutral_was_served_but_sets_the_rr_beside_it(self, now: datetime) -> None:
        shadow = make_decision({}, mode="shadow", reason="SHADOW")
        record_decisions([shadow])
        close_trade(served(shadow), rr=-1.0)

        attribute_trades(now=now)

        assert (shares(), outcomes()) == ({}, [(0, -1.0, NEUTRAL)])
        assert Attribution.objects.get().total == 0.0

    def test_scales_an_add_by_its_leg_alone(self, now: datetime) -> None:
        """Half of the position earned 3 R: (1.1 - 1) * .5 * 3."""
        add = make_decision({"size_mult": lever(1.1, {A: log(1.1)})}, action_category="add")
        record_decisions([add])
        close_trade(action_payload(), served(add, action_category="add", fraction=0.5, leg_rr=3.0), rr=2.0)

        attribute_trades(now=now)

        assert shares() == {A: pytest.approx(0.15, abs=EXACT)}
        assert outcomes() == [(1, 2.0, "")]

    @pytest.mark.parametrize("leg", [{}, {"fraction": 0.5}, {"leg_rr": 3.0}])
    def test_lists_an_add_that_does_not_say_its_leg(self, leg: dict[str, float], now: datetime) -> None:
        add = make_decision({"size_mult": lever(1.1, {A: log(1.1)})}, action_category="add")
        record_decisions([add])
        close_trade(action_payload(), served(add, action_category="add", **leg))

        attribute_trades(now=now)

        assert (shares(), outcomes()) == ({}, [(1, 2.0, LEG)])

    def test_uses_the_last_decision_of_an_action(self, now: datetime) -> None:
        first, last = make_decision(), make_decision({"size_mult": lever(1.01, {B: log(1.01)})})
        record_decisions([first, last])
        close_trade(action_payload(decision_ids=decision_ids(first, last)))

        attribute_trades(now=now)

        assert shares() == {B: pytest.approx(0.02, abs=EXACT)}
        assert outcomes() == [(0, 2.0, LATER), (0, 2.0, "")]

    def test_changes_nothing_when_run_again(self, now: datetime) -> None:
        decision = make_decision()
        record_decisions([decision])
        close_trade(served(decision))
        attribute_trades(now=now)
        before = (shares(), outcomes(), Attribution.objects.get().attributed_at)

        assert attribute_trades(now=now + timedelta(days=1)) == 0

        assert (shares(), outcomes(), Attribution.objects.get().attributed_at) == before

    def test_takes_the_trades_that_wait_longest_first(self, now: datetime) -> None:
        decisions = [make_decision() for _ in range(3)]
        record_decisions(decisions)
        for age, decision in enumerate(decisions):
            trade = make_trade(f"t{age}", actions=[served(decision)])
            record_trades([trade], now=now - timedelta(minutes=age))

        assert attribute_trades(now=now, limit=2) == 2

        assert [mark.trade.external_id for mark in PendingAttribution.objects.all()] == ["t0"]


@pytest.mark.django_db
class TestMissingDecision:
    def test_is_waited_for_an_hour(self, now: datetime) -> None:
        close_trade(served(make_decision()))

        assert attribute_trades(now=now + timedelta(hours=1)) == 0
        assert DecisionOutcome.objects.count() == 0

        assert attribute_trades(now=now + timedelta(hours=1, seconds=1)) == 1
        assert (shares(), outcomes()) == ({}, [(0, 2.0, NO_DECISION)])

    def test_may_arrive_in_time(self, now: datetime) -> None:
        late = make_decision()
        close_trade(served(late))
        assert attribute_trades(now=now) == 0

        record_decisions([late])

        assert attribute_trades(now=now) == 1
        assert shares() == {"o" * 64: pytest.approx(0.04, abs=EXACT)}

    def test_holds_up_no_trade_behind_it(self, now: datetime) -> None:
        known = make_decision()
        record_decisions([known])
        record_trades([make_trade("waits", actions=[served(make_decision())])], now=now)
        record_trades([make_trade("ready", actions=[served(known)])], now=now + timedelta(minutes=1))

        assert attribute_trades(now=now + timedelta(minutes=2), limit=1) == 1

        assert [mark.trade.external_id for mark in PendingAttribution.objects.all()] == ["waits"]

    def test_does_not_take_the_share_of_those_that_came(self, now: datetime) -> None:
        known = make_decision()
        record_decisions([known])
        close_trade(served(known), served(make_decision()))

        attribute_trades(now=now + timedelta(hours=2))

        assert shares() == {"o" * 64: pytest.approx(0.04, abs=EXACT)}
        assert outcomes() == [(0, 2.0, ""), (1, 2.0, NO_DECISION)]


@pytest.mark.django_db
def test_the_trades_that_are_due_are_found_without_reading_all_decisions(now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {DUE}", [now, 1000])
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "hashed" not in plan


@pytest.mark.django_db(transaction=True)
def test_workers_share_the_trades_among_them(now: datetime) -> None:
    decisions = [make_decision() for _ in range(40)]
    record_decisions(decisions)
    record_trades([make_trade(f"t{i}", actions=[served(d)]) for i, d in enumerate(decisions)], now=now)

    counts = run_concurrently(*[lambda: attribute_trades(now=now, limit=20)] * 4)
    counts.append(attribute_trades(now=now))

    assert sum(counts) == 40
    assert (Attribution.objects.count(), AttributionShare.objects.count(), Decision.objects.count()) == (40, 40, 40)
    assert PendingAttribution.objects.count() == 0


DM = {"module": "dm", "action_category": "allocation", "pattern_key": "dm_pattern.allocation.allocation"}
FULL: dict[str, Any] = {"o" * 64: pytest.approx(0.04, abs=EXACT)}  # 2 % of 2 R


def misfits() -> list[tuple[str, Misfit]]:
    """Return the trade and the reason of every decision that is named wrongly, in the order of recording."""
    rows = DecisionOutcome.objects.exclude(misfit="").order_by("trade__recorded_at", "id")
    return [(name, Misfit(misfit)) for name, misfit in rows.values_list("trade__external_id", "misfit")]


def send(external_id: str, *actions: dict[str, Any], at: datetime = NOW, **over: Any) -> list[tuple[str, str]]:
    """Record a trade and return the status and reason of each decision that it names, as the receipt states them."""
    build = make_correction if over.get("revision", 1) > 1 else make_trade
    (receipt,) = record_trades([build(external_id, rr=2.0, actions=list(actions), **over)], now=at)
    assert receipt.refusals == ()
    return [(named.status.value, named.reason) for named in receipt.decisions]


def found_wrong(reason: Misfit) -> list[tuple[str, str]]:
    return [("misfit", REASONS[reason])]


@pytest.mark.django_db
class TestCreditTakenWrongly:
    """Each test names a decision as somebody would who wants its credit for another action."""

    @pytest.fixture
    def decision(self) -> DecisionRecord:
        decision = make_decision(request={"book": "paper"})
        record_decisions([decision])
        return decision

    @pytest.mark.parametrize(
        ("over", "reason"),
        [
            (DM, Misfit.MODULE),
            ({"pattern_key": "rsi.long.dip"}, Misfit.PATTERN),
            ({"action_category": "exit", "rr_after": 0.1}, Misfit.CATEGORY),
            ({"action_category": "add", "fraction": 0.5, "leg_rr": 1.0}, Misfit.CATEGORY),
            ({"at": utc_text(NOW - 2 * DAY - timedelta(minutes=5))}, Misfit.AFTER),
            ({"at": utc_text(NOW - DAY)}, None),
            ({"at": utc_text(NOW - DAY + timedelta(seconds=1))}, Misfit.OLD),
        ],
    )
    def test_earns_nothing_by_an_action_it_was_not_made_for(
        self, decision: DecisionRecord, over: dict[str, Any], reason: Misfit | None, now: datetime
    ) -> None:
        times: dict[str, Any] = {"opened_at": utc_text(NOW - 3 * DAY), "closed_at": utc_text(NOW)}
        told = send("t1", served(decision, **over), **times)
        attribute_trades(now=now)

        assert told == ([("fits", "")] if reason is None else found_wrong(reason))
        assert shares() == (FULL if reason is None else {})
        assert outcomes() == [(0, 2.0, "" if reason is None else REASONS[reason])]
        assert misfits() == ([] if reason is None else [("t1", reason)])

    def test_earns_nothing_in_another_book(self, decision: DecisionRecord, now: datetime) -> None:
        assert send("t1", served(decision), book="live") == found_wrong(Misfit.BOOK)

        attribute_trades(now=now)

        assert (shares(), misfits()) == ({}, [("t1", Misfit.BOOK)])

    def test_earns_nothing_by_a_second_trade(self, decision: DecisionRecord, now: datetime) -> None:
        assert send("first", served(decision)) == [("fits", "")]
        assert send("second", served(decision), at=NOW + timedelta(seconds=1)) == found_wrong(Misfit.TAKEN)

        attribute_trades(now=now)

        assert (shares(), misfits()) == (FULL, [("second", Misfit.TAKEN)])
        assert AttributionShare.objects.get().attribution.trade.external_id == "first"

    def test_is_told_of_two_trades_in_one_list(self, decision: DecisionRecord, now: datetime) -> None:
        trades = [make_trade(name, rr=2.0, actions=[served(decision)]) for name in ("b", "a")]

        receipts = record_trades(trades, now=now)
        attribute_trades(now=now)

        told = {each.external_id: each.decisions[0].status.value for each in receipts}
        assert sorted(told.values()) == ["fits", "misfit"]
        assert (shares(), len(misfits())) == (FULL, 1)
        assert told[misfits()[0][0]] == "misfit"

    def test_stays_with_the_first_though_it_waits_for_another_decision(
        self, decision: DecisionRecord, now: datetime
    ) -> None:
        send("first", served(decision), served(make_decision(), action_category="add"))
        send("second", served(decision), at=NOW + timedelta(seconds=1))

        assert attribute_trades(now=now) == 1
        assert (shares(), misfits()) == ({}, [("second", Misfit.TAKEN)])

        assert attribute_trades(now=now + timedelta(hours=2)) == 1
        assert shares() == FULL

    def test_is_not_lost_to_a_trade_that_named_it_wrongly_before(self, decision: DecisionRecord, now: datetime) -> None:
        send("wrong", served(decision, pattern_key="rsi.long.dip"))
        assert send("right", served(decision), at=NOW + timedelta(seconds=1)) == [("fits", "")]

        attribute_trades(now=now)

        assert (shares(), misfits()) == (FULL, [("wrong", Misfit.PATTERN)])

    @pytest.mark.parametrize("is_attributed_before", [True, False])
    def test_is_not_stolen_by_a_correction(
        self, decision: DecisionRecord, is_attributed_before: bool, now: datetime
    ) -> None:
        """The thief was recorded first, and names the decision only in its correction."""
        send("thief", action_payload())
        send("owner", served(decision))
        if is_attributed_before:
            attribute_trades(now=now)

        assert send("thief", served(decision), revision=2) == found_wrong(Misfit.TAKEN)
        attribute_trades(now=now)

        assert (shares(), misfits()) == (FULL, [("thief", Misfit.TAKEN)])

    def test_is_kept_by_corrections_of_its_trade(self, decision: DecisionRecord, now: datetime) -> None:
        send("owner", served(decision))
        attribute_trades(now=now)
        send("thief", served(decision))
        attribute_trades(now=now)

        assert send("owner", served(decision, fraction=0.5), revision=2) == [("fits", "")]
        attribute_trades(now=now)

        assert (shares(), misfits()) == (FULL, [("thief", Misfit.TAKEN)])

    @pytest.mark.parametrize("correction", [{}, {"pattern_key": "rsi.long.dip"}])
    def test_passes_on_when_its_trade_lets_it_go(
        self, decision: DecisionRecord, correction: dict[str, Any], now: datetime
    ) -> None:
        """A correction names it no longer, or is of another pattern: it was named wrongly from the beginning."""
        send("wrong", served(decision))
        send("right", served(decision))
        attribute_trades(now=now)
        assert misfits() == [("right", Misfit.TAKEN)]

        send("wrong", served(decision, **correction) if correction else action_payload(), revision=2)
        while attribute_trades(now=now):
            pass

        assert shares() == FULL
        assert AttributionShare.objects.get().attribution.trade.external_id == "right"
        assert misfits() == ([("wrong", Misfit.PATTERN)] if correction else [])

    def test_names_an_unknown_one_and_waits_for_it(self, now: datetime) -> None:
        late = make_decision()
        ((status, reason),) = send("t1", served(late))
        assert (status, reason.split(";")[0]) == ("unknown", "no such decision is stored yet")

        record_decisions([late])
        assert attribute_trades(now=now) == 1
        assert shares() == FULL

    def test_checks_one_that_arrives_late(self, now: datetime) -> None:
        late = make_decision()
        send("t1", served(late, pattern_key="rsi.long.dip"))
        record_decisions([late])

        attribute_trades(now=now)

        assert (shares(), misfits()) == ({}, [("t1", Misfit.PATTERN)])

    def test_lists_one_that_never_came(self, now: datetime) -> None:
        send("t1", served(make_decision()))

        attribute_trades(now=now + timedelta(hours=2))

        assert (shares(), misfits()) == ({}, [("t1", Misfit.UNKNOWN)])

    def test_uses_the_last_decision_that_fits(self, decision: DecisionRecord, now: datetime) -> None:
        other = make_decision({"size_mult": lever(1.1, {B: log(1.1)})}, pattern_key="rsi.long.dip")
        record_decisions([other])
        send("t1", action_payload(decision_ids=decision_ids(decision, other)))

        attribute_trades(now=now)

        assert shares() == FULL
        assert outcomes() == [(0, 2.0, ""), (0, 2.0, REASONS[Misfit.PATTERN])]

    def test_changes_nothing_of_what_was_attributed_before_it_was_checked(
        self, decision: DecisionRecord, now: datetime
    ) -> None:
        """Its credit is of the first trade that named it, as the migration gave it; a new trade gets none."""
        send("old", served(decision, pattern_key="rsi.long.dip"))
        attribute_trades(now=now)
        DecisionOutcome.objects.update(misfit="", unattributed="")
        DecisionCredit.objects.create(decision_id=decision.decision_id, external_id="old")

        assert send("new", served(decision), at=NOW + timedelta(seconds=1)) == found_wrong(Misfit.TAKEN)
        attribute_trades(now=now)

        assert (shares(), misfits()) == ({}, [("new", Misfit.TAKEN)])
        assert DecisionCredit.objects.get().external_id == "old"


@pytest.mark.django_db
class TestAskedAfterwards:
    """A bot knows how its trade ended, and asks as of the time of the entry which answer would have earned."""

    @staticmethod
    def _ask(after: timedelta) -> DecisionRecord:
        """Return a decision that was made so long after the entry, as of the entry."""
        decision = make_decision(decision_id=uuid7(NOW - 2 * DAY + after))
        record_decisions([decision])
        return decision

    @pytest.fixture
    def clock(self) -> None:
        """Let the clock of the database alone count."""
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM simulated_time")

    @pytest.mark.usefixtures("clock")
    @pytest.mark.parametrize("after", [timedelta(seconds=6), DAY, 5 * DAY])
    def test_earns_nothing(self, after: timedelta, now: datetime) -> None:
        assert send("t1", served(self._ask(after))) == found_wrong(Misfit.LATE)

        attribute_trades(now=now)

        assert (shares(), misfits(), DecisionCredit.objects.count()) == ({}, [("t1", Misfit.LATE)], 0)

    @pytest.mark.usefixtures("clock")
    def test_earns_nothing_by_a_correction_either(self, now: datetime) -> None:
        """The trade's own answer came in time and lost; its correction names one that was made afterwards."""
        honest, late = self._ask(timedelta(seconds=-1)), self._ask(DAY)
        send("t1", served(honest))
        attribute_trades(now=now)

        send("t1", action_payload(decision_ids=decision_ids(honest, late)), revision=2)
        attribute_trades(now=now)

        assert (shares(), misfits()) == (FULL, [("t1", Misfit.LATE)])
        assert AttributionShare.objects.get().decision_id == honest.decision_id

    @pytest.mark.usefixtures("clock")
    @pytest.mark.parametrize(
        ("after", "book"), [(timedelta(), "paper"), (timedelta(seconds=5), "live"), (5 * DAY, "backtest")]
    )
    def test_earns_where_it_was_asked_in_time_or_in_a_backtest(
        self, after: timedelta, book: str, now: datetime
    ) -> None:
        assert send("t1", served(self._ask(after)), book=book) == [("fits", "")]

        attribute_trades(now=now)

        assert (shares(), misfits()) == (FULL, [])

    def test_earns_while_time_is_simulated(self, now: datetime) -> None:
        assert send("t1", served(self._ask(5 * DAY))) == [("fits", "")]

        attribute_trades(now=now)

        assert shares() == FULL


@pytest.mark.django_db(transaction=True)
def test_of_many_trades_attributed_at_once_one_gets_the_credit(now: datetime) -> None:
    decision = make_decision()
    record_decisions([decision])
    for place in range(8):
        send(f"t{place}", served(decision), at=now + timedelta(seconds=place))

    counts = run_concurrently(*[lambda: attribute_trades(now=now + timedelta(minutes=1), limit=2)] * 4)

    assert sum(counts) == 8
    assert (AttributionShare.objects.count(), DecisionCredit.objects.count()) == (1, 1)
    assert AttributionShare.objects.get().attribution.trade.external_id == "t0"


@pytest.mark.django_db
class TestApplied:
    def test_takes_the_place_of_what_was_served(self, now: datetime) -> None:
        decision = make_decision()
        record_decisions([decision])
        close_trade(served(decision, applied={"size_mult": 1.01, "entry_delay_bars": 0.0}))

        attribute_trades(now=now)

        assert shares() == {"o" * 64: pytest.approx(0.02, abs=EXACT)}
        assert Attribution.objects.get().total == pytest.approx(0.02, abs=EXACT)

    def test_earns_nothing_where_the_stake_was_limited_to_neutral(self, now: datetime) -> None:
        decision = make_decision()
        record_decisions([decision])
        close_trade(served(decision, applied={"size_mult": 1.0}))

        attribute_trades(now=now)

        assert (shares(), outcomes()) == ({"o" * 64: 0.0}, [(0, 2.0, "")])

    def test_cannot_break_the_attribution_of_others(self, now: datetime) -> None:
        """Forty entries of one trade multiply to 1e360, which no float holds."""
        decisions = [make_decision() for _ in range(41)]
        record_decisions(decisions)
        *absurd, honest = decisions
        send("absurd", *(served(each, applied={"size_mult": 1e9}) for each in absurd))
        send("honest", served(honest))

        assert attribute_trades(now=now) == 2

        assert {why for _, _, why in outcomes()} == {"", ABSURD}
        found = AttributionShare.objects.get(attribution__trade__external_id="honest")
        assert found.share == pytest.approx(0.04, abs=EXACT)
