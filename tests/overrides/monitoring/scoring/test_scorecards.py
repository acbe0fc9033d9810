"""Scorecards by hand, against a naive loop, and in sums: what lines earned is what patterns earned."""

from __future__ import annotations

from datetime import datetime

import pytest

from overrides.models import Scorecard
from overrides.monitoring.scoring.scorecards import score
from telemetry.models import AttributionShare
from tests.builders import publish, set_mode
from tests.overrides.monitoring.scoring.touched_world import attribute, promising, served_trade

BASE = {"macro_phase": "Good"}


def card(group: str, name: str | None = None) -> Scorecard:
    rows = Scorecard.objects.filter(group=group)
    return rows.get() if name is None else rows.get(name=name)


@pytest.mark.django_db
class TestScore:
    def test_sets_what_a_line_promised_beside_what_came_of_it_by_hand(self, now: datetime) -> None:
        """Outcomes of 1.1 and -.7 R in turn on 32 days, less a mean of .1 R: 1 and -.8, so .1 on average."""
        spec = promising(0.2)
        publish(spec)
        set_mode("on")
        for day in range(1, 33):
            served_trade(f"t{day}", 1.1 if day % 2 else -0.7, days=day)
        attribute()

        assert score(now=now).rows == 6

        found = card("line")
        assert (found.line_id, found.method, found.trades, found.decisions, found.judged_days) == (
            spec.line, "manual", 32, 32, 32,
        )  # fmt: skip
        assert found.promised == pytest.approx(0.2)
        assert found.realised == pytest.approx(0.1)
        assert found.slope == pytest.approx(0.5)
        assert found.movement == pytest.approx(1.0)
        assert found.earned == pytest.approx(0.02 * 32 * 0.2)
        assert found.earned_each == pytest.approx(0.02 * 0.2)
        assert found.realised_low is not None
        assert found.realised_high is not None
        assert found.realised_low < 0.1 < found.realised_high

    def test_says_nothing_of_outcomes_on_fewer_than_thirty_days(self, now: datetime) -> None:
        publish(promising(0.2))
        set_mode("on")
        served_trade("t1", 1.0)
        attribute()
        score(now=now)

        found = card("line")
        assert (found.realised, found.slope, found.earned_each, found.judged_days) == (None, None, None, 1)
        assert found.promised == pytest.approx(0.2)
        assert found.earned == pytest.approx(0.02)

    def test_gives_no_number_for_what_is_not_identified(self, now: datetime) -> None:
        publish(promising(levers={"entry_aggression_mult": 1.1}))
        set_mode("on")
        served_trade("t1", 1.0)
        attribute()
        score(now=now)

        assert (card("line").earned, card("line").movement, card("module").movement) == (None, None, None)

    def test_signs_promise_and_outcome_of_a_cut_by_its_side(self, now: datetime) -> None:
        publish(promising(-0.3, levers={"size_mult": 0.9}))
        set_mode("on")
        served_trade("t1", -1.0)
        attribute()
        score(now=now)

        assert card("line").promised == pytest.approx(0.3)

    def test_adds_up_over_lines_patterns_methods_and_the_module(self, now: datetime) -> None:
        publish(promising(0.2), promising(0.4, scope=BASE), promising(pattern_key="ema.long.cross"))
        set_mode("on")
        served_trade("t1", 1.5)
        served_trade("t2", -1.0, days=2, pattern_key="ema.long.cross")
        served_trade("t3", 0.5, days=3, scope=BASE)
        attribute()
        score(now=now)

        total = sum(AttributionShare.objects.exclude(line_id="").values_list("share", flat=True))
        for group in ("line", "pattern", "method", "module"):
            earned = [each.earned for each in Scorecard.objects.filter(group=group)]
            assert sum(each or 0.0 for each in earned) == pytest.approx(total, abs=1e-12), group
        movements = Scorecard.objects.filter(group="line").values_list("movement", flat=True)
        assert sum(each or 0.0 for each in movements) == pytest.approx(1.0)

    def test_names_authors_and_says_nothing_of_reviewers_of_a_few_lines(self, now: datetime) -> None:
        publish(promising(0.2))
        set_mode("on")
        served_trade("t1", 1.5)
        attribute()
        score(now=now)

        assert card("author").name == "machine"
        found = card("reviewer")
        assert (found.lines, found.is_shown, found.earned, found.promised, found.trades) == (1, False, None, None, 0)

    def test_forgets_what_a_correction_took_back(self, now: datetime) -> None:
        publish(promising(0.2))
        set_mode("on")
        served_trade("t1", 1.5)
        attribute()
        score(now=now)
        served_trade("t1", 1.5, revision=2, correction_reason="it never was", excluded_reason="a test order")
        attribute(401)
        score(now=now)

        assert card("line").judged == 0
