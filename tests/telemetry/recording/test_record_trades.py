"""Recording closed trades: idempotent, corrected by revisions, whole or not at all, also with concurrent writers."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction

from telemetry.core.trades import Trade as TradeValue
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import record_decisions
from telemetry.models import (
    Action,
    Attribution,
    AttributionShare,
    DecisionOutcome,
    DirtyGroup,
    Outcome,
    PendingAttribution,
    Trade,
)
from telemetry.recording import record_trades as verb
from telemetry.recording.record_trades import Receipt, record_trades
from telemetry.recording.revisions import Status
from tests.builders import (
    KEY,
    NOW,
    action_payload,
    attempt,
    decision_ids,
    make_correction,
    make_decision,
    make_trade,
    run_concurrently,
    wait_until,
    waits_for_lock,
)

EXIT = action_payload(action_category="exit", rr_after=0.5)


def record(*trades: TradeValue, now: datetime = NOW) -> list[Receipt]:
    return record_trades(trades, now=now)


def statuses(receipts: list[Receipt]) -> list[str]:
    return [receipt.status.value for receipt in receipts]


def groups() -> list[tuple[str, str, str]]:
    return sorted(DirtyGroup.objects.values_list("module", "pattern_key", "action_category"))


@pytest.mark.django_db
class TestRecordTrades:
    def test_writes_the_trade_with_its_actions_outcomes_and_marks(self, now: datetime) -> None:
        trade = make_trade(rr=1.5, side="long", cluster_id="c", actions=[action_payload(fraction=0.5), EXIT])

        receipts = record(trade)

        assert statuses(receipts) == ["new"]
        row = Trade.objects.get()
        assert (row.external_id, row.revision, row.is_current, row.rr, row.book) == ("t1", 1, True, 1.5, "paper")
        assert (row.side, row.cluster_id, bytes(row.digest), row.recorded_at) == ("long", "c", trade.digest, now)
        assert list(Action.objects.values_list("index", "action_category", "fraction", "rr_after")) == [
            (0, "entry", 0.5, None),
            (1, "exit", None, 0.5),
        ]
        outcomes = Outcome.objects.order_by("action_index").values_list("action_category", "rr", "cluster_id")
        assert list(outcomes) == [("entry", 1.5, "c"), ("exit", -0.5, "c")]
        assert Outcome.objects.filter(scope={"bucket": "micro", "macro_phase": "Good"}).count() == 2
        assert groups() == [("pm", KEY, "entry"), ("pm", KEY, "exit")]

    def test_changes_nothing_when_the_same_body_comes_again(self) -> None:
        record(make_trade())
        DirtyGroup.objects.all().delete()

        receipts = record(make_trade())

        assert statuses(receipts) == ["unchanged"]
        assert (Trade.objects.count(), Outcome.objects.count(), groups()) == (1, 1, [])

    def test_refuses_another_body_and_names_the_way_out(self) -> None:
        record(make_trade(rr=1.0))

        (receipt,) = record(make_trade(rr=2.0))

        (refusal,) = receipt.refusals
        assert (receipt.status, refusal.field) == (Status.REFUSED, "external_id")
        assert "'t1'" in refusal.message
        assert "send revision 2 with a correction_reason" in refusal.message
        assert Trade.objects.get().rr == 1.0

    def test_records_the_rest_of_a_batch_with_a_refusal_and_answers_in_order(self) -> None:
        record(make_trade("b", rr=1.0))

        receipts = record(make_trade("c"), make_trade("b", rr=2.0), make_trade("a"))

        assert [receipt.external_id for receipt in receipts] == ["c", "b", "a"]
        assert statuses(receipts) == ["new", "refused", "new"]
        assert sorted(Trade.objects.values_list("external_id", flat=True)) == ["a", "b", "c"]

    def test_records_one_of_two_equal_trades_in_a_batch_and_the_first_of_two_bodies(self) -> None:
        receipts = record(make_trade("a"), make_trade("a"), make_trade("b", rr=1.0), make_trade("b", rr=2.0))

        assert statuses(receipts) == ["new", "unchanged", "new", "refused"]
        assert Trade.objects.get(external_id="b").rr == 1.0

    def test_has_nothing_to_do_for_an_empty_batch(self) -> None:
        assert record() == []

    def test_keeps_excluded_trades_out_of_learning(self) -> None:
        record(make_trade(excluded_reason="exchange outage"))

        assert Trade.objects.get().excluded_reason == "exchange outage"
        assert (Action.objects.count(), Outcome.objects.count(), groups()) == (1, 0, [])

    def test_marks_trades_that_name_decisions_for_attribution(self) -> None:
        decision = make_decision()

        record(make_trade("a", actions=[action_payload(decision_ids=decision_ids(decision))]), make_trade("b"))

        assert [mark.trade.external_id for mark in PendingAttribution.objects.all()] == ["a"]
        assert Action.objects.get(trade__external_id="a").decision_ids == [decision.decision_id]


@pytest.mark.django_db
class TestCorrections:
    def test_supersede_the_revision_before(self) -> None:
        record(make_trade(rr=1.0))

        receipts = record(make_correction(rr=2.0))

        assert statuses(receipts) == ["corrected"]
        rows = Trade.objects.order_by("revision").values_list("revision", "rr", "is_current", "correction_reason")
        assert list(rows) == [(1, 1.0, False, ""), (2, 2.0, True, "the fee was wrong")]
        assert [outcome.rr for outcome in Outcome.objects.all()] == [2.0]

    def test_mark_the_groups_that_outcomes_leave_and_those_they_join(self) -> None:
        record(make_trade(actions=[action_payload(pattern_key="a.b.old")]))
        DirtyGroup.objects.all().delete()

        record(make_correction(actions=[action_payload(pattern_key="a.b.new")]))

        assert groups() == [("pm", "a.b.new", "entry"), ("pm", "a.b.old", "entry")]

    def test_may_exclude_a_trade_afterwards(self) -> None:
        record(make_trade())
        DirtyGroup.objects.all().delete()

        record(make_correction(excluded_reason="a fat finger"))

        assert (Outcome.objects.count(), groups()) == (0, [("pm", KEY, "entry")])

    def test_are_refused_when_they_skip_a_revision(self) -> None:
        record(make_trade())

        (receipt,) = record(make_correction(revision=3))

        (refusal,) = receipt.refusals
        assert (refusal.field, refusal.message) == ("revision", "revision 3 does not follow 1; send revision 2")
        assert Trade.objects.count() == 1

    def test_are_refused_before_the_trade_itself(self) -> None:
        (receipt,) = record(make_correction())

        assert receipt.refusals[0].message == "revision 2 does not follow 0; send revision 1"

    def test_may_come_in_one_batch_with_what_they_correct_in_any_order(self) -> None:
        receipts = record(make_correction(rr=2.0), make_trade(rr=1.0))

        assert statuses(receipts) == ["corrected", "new"]
        rows = Trade.objects.order_by("revision").values_list("revision", "is_current")
        assert list(rows) == [(1, False), (2, True)]
        assert [outcome.rr for outcome in Outcome.objects.all()] == [2.0]

    def test_take_what_the_old_revision_was_attributed_with_them(self) -> None:
        decision = make_decision()
        record_decisions([decision])
        actions = [action_payload(decision_ids=decision_ids(decision))]
        record(make_trade(rr=1.0, actions=actions))
        attribute_trades(now=NOW)

        record(make_correction(rr=2.0, actions=actions))
        attribute_trades(now=NOW)

        assert [outcome.rr for outcome in DecisionOutcome.objects.all()] == [2.0]
        assert [share.share for share in AttributionShare.objects.all()] == [pytest.approx(0.04, abs=1e-12)]
        assert Attribution.objects.get().trade.revision == 2


@pytest.mark.django_db
class TestFailure:
    def test_leaves_nothing_half_written(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            verb, "_outcome_row", lambda trade, outcome: (*_outcome_row(trade, outcome)[:8], 1e12, NOW, NOW, "")
        )

        with pytest.raises(IntegrityError, match="outcome_rr_is_finite"):
            record(make_trade("a"), make_trade("b"))

        counts = [model.objects.count() for model in (Trade, Action, Outcome, DirtyGroup, PendingAttribution)]
        assert counts == [0, 0, 0, 0, 0]

    def test_rolls_the_marks_back_with_the_facts(self) -> None:
        def record_and_fail() -> None:
            with transaction.atomic():
                record(make_trade())
                raise RuntimeError("something else of the same transaction failed")

        with pytest.raises(RuntimeError):
            record_and_fail()

        assert (Trade.objects.count(), groups()) == (0, [])


_outcome_row = verb._outcome_row


@pytest.mark.django_db(transaction=True)
class TestConcurrentRecording:
    def test_of_one_body_writes_it_once(self) -> None:
        batch = [make_trade(f"t{i}") for i in range(20)]

        results = run_concurrently(*[lambda: record(*batch)] * 4)

        assert sorted(map(_only_status, results)) == ["new", "unchanged", "unchanged", "unchanged"]
        assert (Trade.objects.count(), Outcome.objects.count(), DirtyGroup.objects.count()) == (20, 20, 1)

    def test_of_different_bodies_writes_one_and_refuses_the_others(self) -> None:
        results = run_concurrently(*[lambda rr=rr: record(make_trade(rr=rr)) for rr in (1.0, 2.0, 3.0, 4.0)])

        assert sorted(map(_only_status, results)) == ["new", "refused", "refused", "refused"]
        assert Trade.objects.count() == 1

    def test_of_batches_in_opposite_order_does_not_deadlock(self) -> None:
        batch = [make_trade(f"t{i}") for i in range(50)]

        results = run_concurrently(lambda: record(*batch), lambda: record(*reversed(batch)))

        assert sorted(map(_only_status, results)) == ["new", "unchanged"]

    def test_of_two_corrections_keeps_one_current_revision(self) -> None:
        record(make_trade(rr=1.0))

        results = run_concurrently(*[lambda rr=rr: record(make_correction(rr=rr)) for rr in (2.0, 3.0, 4.0)])

        assert sorted(map(_only_status, results)) == ["corrected", "refused", "refused"]
        current = Trade.objects.get(is_current=True)
        assert (current.revision, Trade.objects.count()) == (2, 2)
        assert [outcome.rr for outcome in Outcome.objects.all()] == [current.rr]

    def test_waits_for_the_other_writer_and_looks_again(self) -> None:
        """The other transaction has written but not committed; whether it commits decides the outcome."""
        for is_committed, expected in ((False, "new"), (True, "refused")):
            results: list[Any] = []
            other = _Uncommitted(make_trade(f"t-{is_committed}", rr=1.0))
            mine = threading.Thread(
                target=lambda trade, out: out.append(attempt(lambda: record(trade))),
                args=(make_trade(f"t-{is_committed}", rr=2.0), results),
            )
            mine.start()
            wait_until(waits_for_lock, "the second writer to meet the first")

            other.end(commit=is_committed)
            mine.join()

            assert statuses(results[0]) == [expected]

    def test_shows_facts_and_marks_at_the_same_moment(self) -> None:
        other = _Uncommitted(make_trade())
        assert (Trade.objects.count(), groups()) == (0, [])

        other.end(commit=True)

        assert (Trade.objects.count(), groups()) == (1, [("pm", KEY, "entry")])


class _Uncommitted:
    """A trade recorded in an open transaction of another connection."""

    def __init__(self, trade: TradeValue) -> None:
        self._written, self._ending, self._is_committed = threading.Event(), threading.Event(), False
        self._thread = threading.Thread(target=self._hold, args=(trade,))
        self._thread.start()
        assert self._written.wait(10)

    def end(self, *, commit: bool) -> None:
        self._is_committed = commit
        self._ending.set()
        self._thread.join()

    def _hold(self, trade: TradeValue) -> None:
        try:
            with transaction.atomic():
                record(trade)
                self._written.set()
                self._ending.wait(20)
                transaction.set_rollback(not self._is_committed)
        finally:
            connections.close_all()


def _only_status(receipts: Any) -> str:
    """Return the status that all receipts of a call share; a failed or mixed call is returned as it is."""
    found = set(statuses(receipts)) if isinstance(receipts, list) else {repr(receipts)}
    return found.pop() if len(found) == 1 else str(found)


@pytest.mark.django_db
def test_constraints_hold_below_the_verb() -> None:
    """A trade cannot have two current revisions, whoever writes them."""
    record(make_trade(), make_correction())

    with pytest.raises(IntegrityError, match="one_current_revision_per_trade"), connection.cursor() as cursor:
        cursor.execute("UPDATE telemetry_trade SET is_current = true")
