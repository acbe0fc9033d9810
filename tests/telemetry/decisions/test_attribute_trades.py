"""What served levers earned on closed trades, computed by hand and through the verb."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import log
from typing import Any

import pytest

from telemetry.core.decision_fit import REASONS, Misfit
from telemetry.decisions.attribute_trades import LATER, LEG, NEUTRAL, attribute_trades
from telemetry.decisions.decision_log import DecisionRecord, record_decisions
from telemetry.models import Attribution, AttributionShare, Decision, DecisionOutcome, PendingAttribution
from telemetry.recording.record_trades import record_trades
from tests.builders import NOW, action_payload, decision_ids, make_decision, make_trade, run_concurrently

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
