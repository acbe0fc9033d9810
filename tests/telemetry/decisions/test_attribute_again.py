"""Attributing again what was attributed: nothing changes that was right, and what was wrong is written anew."""

from __future__ import annotations

from datetime import timedelta

import pytest

from telemetry.decisions import attribute_trades as verb
from telemetry.decisions.attribute_again import attribute_again
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import DecisionRecord, record_decisions
from telemetry.models import Attribution, AttributionShare, DecisionCredit, DecisionOutcome, PendingAttribution
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    NOW,
    action_payload,
    decision_ids,
    make_correction,
    make_decision,
    make_trade,
    run_concurrently,
)

LATER = NOW + timedelta(hours=2)
TABLES = (Attribution, AttributionShare, DecisionOutcome, DecisionCredit, PendingAttribution)


def contents() -> list[list[str]]:
    """Return all rows of all tables that attribution writes."""
    return [sorted(map(str, table._default_manager.values_list())) for table in TABLES]


def world(count: int = 5) -> list[DecisionRecord]:
    """Record trades of one decision each, all attributed, and one that names a decision which never came."""
    decisions = [make_decision() for _ in range(count)]
    record_decisions(decisions)
    actions = [[action_payload(decision_ids=decision_ids(each))] for each in (*decisions, make_decision())]
    record_trades([make_trade(f"t{place}", actions=each) for place, each in enumerate(actions)], now=NOW)
    attribute_trades(now=LATER)
    return decisions


@pytest.mark.django_db
class TestAttributeAgain:
    def test_leaves_every_row_as_it_is(self) -> None:
        world()
        before = contents()

        assert attribute_again(now=LATER + timedelta(days=1), chunk=2) == 0

        assert contents() == before

    def test_writes_anew_what_comes_out_otherwise_and_nothing_else(self) -> None:
        world()
        before = contents()
        wrong = Attribution.objects.get(trade__external_id="t3")
        AttributionShare.objects.filter(attribution=wrong).update(share=7.0)
        Attribution.objects.filter(pk=wrong.pk).update(total=7.0)

        assert attribute_again(now=LATER) == 1

        assert Attribution.objects.get(pk=wrong.pk).total == wrong.total
        assert AttributionShare.objects.get(attribution_id=wrong.pk).share == pytest.approx(0.03, abs=1e-12)
        assert contents()[0] == before[0]
        assert attribute_again(now=LATER) == 0

    def test_ends_the_same_where_a_run_was_broken_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The process ends after the rows are written and before the marks are gone."""
        decisions = world(2)
        before = contents()
        record_trades(
            [make_correction("t0", actions=[action_payload(decision_ids=decision_ids(decisions[0]))])], now=NOW
        )

        def ends(_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(verb, "_settle", ends)
            with pytest.raises(KeyboardInterrupt):
                attribute_trades(now=LATER)
        assert PendingAttribution.objects.count() == 1

        assert attribute_trades(now=LATER) == 1
        assert attribute_again(now=LATER) == 0
        assert [len(rows) for rows in contents()] == [len(rows) for rows in before]


@pytest.mark.django_db(transaction=True)
def test_workers_at_the_same_time_end_as_one_alone_would() -> None:
    """Some attribute, one corrects trades whose decisions others named in vain, one attributes everything again."""
    decisions = world(12)
    late = [action_payload(decision_ids=decision_ids(each)) for each in decisions]
    record_trades([make_trade(f"vain{place}", actions=[each]) for place, each in enumerate(late)], now=NOW)
    attribute_trades(now=LATER)

    def correct() -> int:
        for place in range(12):
            record_trades([make_correction(f"t{place}", actions=[action_payload()])], now=NOW)
        return 0

    def attribute() -> int:
        return sum(attribute_trades(now=LATER, limit=3) for _ in range(6))

    run_concurrently(correct, attribute, attribute, lambda: attribute_again(now=LATER, chunk=4))
    while attribute_trades(now=LATER):
        pass

    credited = set(DecisionCredit.objects.values_list("external_id", flat=True))
    assert credited == {f"vain{place}" for place in range(12)}
    assert (AttributionShare.objects.count(), attribute_again(now=LATER)) == (12, 0)
