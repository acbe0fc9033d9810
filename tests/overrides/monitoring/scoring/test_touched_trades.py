"""What each line touched and earned, by hand, through the ways in which trades arrive."""

from __future__ import annotations

import pytest

from overrides.monitoring.scoring.touched_trades import touched_trades
from telemetry.models import AttributionShare, Decision, Trade
from tests.builders import NOW, make_parameters, publish, set_mode
from tests.overrides.monitoring.replaying.test_replay import store_as_documents
from tests.overrides.monitoring.scoring.touched_world import attribute, promising, served_trade

BASE = {"macro_phase": "Good"}
EVIDENCE = {"policy": "evidence", "combiner": "evidence"}


@pytest.mark.django_db
class TestTouchedTrades:
    def test_names_the_promise_the_outcome_and_the_share_of_one_line(self) -> None:
        """mu0 is .1 R, so an outcome of 1.5 R leaves 1.4 R; 1.02 times 1.5 R earns .03 R."""
        spec = promising()
        publish(spec)
        set_mode("on")
        served_trade("t1", 1.5)
        attribute()

        [found] = touched_trades()

        assert (found.line, found.override, found.sign, found.decisions) == (spec.line, spec.id, 1, 1)
        assert (found.rr, found.predicted, found.s_p, found.external_id) == (1.5, 0.2, 1.4, "t1")
        assert found.residual == pytest.approx(1.4)
        assert found.earned == pytest.approx(0.03)
        assert found.moved == pytest.approx(AttributionShare.objects.get().part)
        assert found.day == (NOW.toordinal() + 1)

    def test_takes_no_account_of_other_lines_of_the_plan_whose_promises_do_not_add_up(self) -> None:
        publish(promising(0.2), promising(0.4, scope=BASE))
        set_mode("on")
        served_trade("t1", 1.5)
        attribute()

        assert [each.residual for each in touched_trades()] == pytest.approx([1.4, 1.4])

    def test_takes_off_what_the_other_lines_of_evidence_add(self) -> None:
        """Of 1.5 R, .1 is the mean of the pattern; the lines add .2 and .4, and each is judged without the other."""
        publish(parameters=make_parameters(EVIDENCE))
        own, wide = promising(0.2, policy="evidence"), promising(0.4, policy="evidence", scope=BASE)
        publish(own, wide)
        set_mode("on")
        served_trade("t1", 1.5)
        attribute()

        found = {each.line: each.residual for each in touched_trades()}

        assert found == {own.line: pytest.approx(1.0), wide.line: pytest.approx(1.2)}

    def test_leaves_out_answers_in_shadow(self) -> None:
        publish(promising())
        set_mode("shadow")
        served_trade("t1", 1.5)
        attribute()

        assert list(touched_trades()) == []

    def test_reads_decisions_that_were_stored_as_documents(self) -> None:
        publish(promising())
        set_mode("on")
        served_trade("t1", 1.5)
        store_as_documents(Decision.objects.all())
        attribute()

        assert [each.residual for each in touched_trades()] == pytest.approx([1.4])

    def test_names_no_earnings_of_a_lever_without_an_identified_effect(self) -> None:
        publish(promising(levers={"entry_aggression_mult": 1.1}))
        set_mode("on")
        served_trade("t1", 1.5)
        attribute()

        [found] = touched_trades()

        assert (found.earned, found.moved, found.sign) == (None, None, 1)
        assert found.residual == pytest.approx(1.4)

    def test_has_the_new_outcome_of_a_corrected_trade_and_none_of_its_lines_twice(self) -> None:
        publish(promising())
        set_mode("on")
        served_trade("t1", 1.5)
        attribute(400)
        first = next(touched_trades())
        served_trade("t1", -1.0, revision=2, correction_reason="the fee was wrong")
        attribute(401)

        [found] = touched_trades(after=(first.attributed_at, first.trade))

        assert (found.rr, found.external_id, Trade.objects.count()) == (-1.0, "t1", 2)
        assert [each.trade for each in touched_trades()] == [found.trade]

    def test_limits_itself_to_a_line_and_to_a_module(self) -> None:
        wide = promising(scope=BASE)
        publish(promising(), wide)
        set_mode("on")
        served_trade("t1", 1.5)
        served_trade("t2", -1.0, days=2, scope=BASE | {"bucket": "mid"})
        attribute()

        assert [each.external_id for each in touched_trades(line=wide.line)] == ["t1", "t2"]
        assert list(touched_trades(line=wide.line)) == [each for each in touched_trades() if each.line == wide.line]
        assert list(touched_trades("dm")) == []
        assert len(list(touched_trades("pm"))) == 3
