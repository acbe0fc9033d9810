"""The list of levers and the page of one: what each is, how its effect is known, and what is in force and recorded."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from config.demo.backtest.replayed_levers import NOT_REPLAYED, REPLAYED, SOURCE
from config.desk.levers import learned, sections
from config.desk.levers.section import Asked
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.override_spec import OverrideSpec
from telemetry.models import AttributionShare
from telemetry.recording.record_trades import record_trades
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import KEY, NOW, SCOPE, action_payload, make_lesson, make_spec, make_trade, publish, set_mode
from tests.conftest import make_user
from tests.overrides.monitoring.scoring.touched_world import attribute, promising, served_trade

pytestmark = pytest.mark.django_db
LIST = "/admin/levers/"


def page_of(name: str) -> str:
    return f"{LIST}{name}/"


def tuning(levers: dict[str, float], **over: object) -> OverrideSpec:
    return make_spec(levers, type="pm_tuning", **over)


def words(text: str) -> str:
    """Return the text of a page between its heading and its end, without tags."""
    content = text[text.index('id="content-main"') : text.index("cw-footer")]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


class TestTheList:
    def test_has_a_row_per_lever_with_what_is_in_force(
        self, reviewer: User, django_assert_max_num_queries: object
    ) -> None:
        publish(
            tuning({"trail_mult": 1.44, "panic_trigger_mult": 0.8}, action_category="exit"),
            tuning({"trail_mult": 1.0 / 1.21}, action_category="exit", scope={}),
        )
        client = browser_of(reviewer)
        with django_assert_max_num_queries(MOST_QUERIES):  # type: ignore[operator]  # untyped fixture
            text = page(client, LIST)

        assert all(f'href="{page_of(name)}"' in text for name in LEVERS)
        shown = words(text)
        assert "trail_mult not identified 2 1.0909 no number 1.00 0.50 to 2.00 trim, exit pm_tuning" in shown
        assert "panic_trigger_mult not identified 1 0.8000 no number 1.00 0.50 to 2.00 exit pm_tuning" in shown
        assert "nothing yet 1.00 0.70 to 1.30 entry, add, trim pm_strength" in shown

    def test_is_for_people_who_may_see_lines(self) -> None:
        client = Client()
        client.force_login(make_user("stranger"))

        assert client.get(LIST).status_code == 403
        assert client.get(page_of("size_mult")).status_code == 403

    def test_leads_on_to_no_lever_that_there_is_not(self, reviewer: User) -> None:
        assert browser_of(reviewer).get(page_of("moon_mult")).status_code == 404


class TestThePage:
    @pytest.mark.parametrize("name", LEVERS)
    def test_of_an_empty_database_says_what_the_lever_is(
        self, reviewer: User, name: str, django_assert_max_num_queries: object
    ) -> None:
        client = browser_of(reviewer)
        with django_assert_max_num_queries(MOST_QUERIES):  # type: ignore[operator]  # untyped fixture
            shown = words(page(client, page_of(name)))

        assert "A larger value means" in shown
        assert f"No line in force asks for a value of {name}" in shown
        assert "No trade was recorded yet" in shown
        assert ("Not identified: no number." in shown) is not bool(LEVERS[name].scales_on)

    def test_lists_the_lines_farthest_from_neutral_first_on_pages(
        self, reviewer: User, django_assert_max_num_queries: object
    ) -> None:
        targets = [round(0.40 + 0.004 * step, 3) for step in range(60)]  # neutral is .60: the ends are .40 and .636
        publish(
            *(
                tuning({"min_dx_for_add": target}, scope={"timeframe": f"{index}h"}, action_category="add")
                for index, target in enumerate(targets)
            )
        )
        client = browser_of(reviewer)
        with django_assert_max_num_queries(MOST_QUERIES):  # type: ignore[operator]  # untyped fixture
            first = words(page(client, page_of("min_dx_for_add")))
        second = words(page(client, page_of("min_dx_for_add") + "?p=2"))
        beyond = words(page(client, page_of("min_dx_for_add") + "?p=moon"))

        assert "60 lines in force ask for a value of it: 9 above neutral, 50 below, mean 0.5180" in first
        assert "Page 1 of 2" in first
        assert "Page 2 of 2" in second
        assert first.count("not identified") == 50  # one per line
        assert first.index("0.4000") < first.index("0.4040") < first.index("0.5000")
        assert "0.5960" in second
        assert "0.4000" not in second
        assert beyond == first

    def test_leaves_out_what_was_withdrawn(self, reviewer: User) -> None:
        gone = tuning({"wait_n_bars_after_trim": 3.0}, action_category="trim")
        publish(gone)
        publish(withdraw=[gone.line])

        assert "No line in force asks" in words(page(browser_of(reviewer), page_of("wait_n_bars_after_trim")))

    def test_states_what_overrides_earned_by_a_lever_that_scales(self, reviewer: User) -> None:
        publish(promising())
        set_mode("on")
        for index in range(2):
            served_trade(f"served-{index}", 1.0, days=index + 1)
        attribute()
        total = sum(AttributionShare.objects.exclude(line_id="").values_list("share", flat=True))
        client = browser_of(reviewer)

        shown, listed = words(page(client, page_of("size_mult"))), words(page(client, LIST))

        assert total > 0
        assert f"Overrides earned +{total:.4f} R by it, per unit of size, in 2 closed trades" in shown
        assert f"exact replay 1 1.1000 +{total:.4f} R" in listed

    def test_counts_the_lessons_that_aim_at_it(self, reviewer: User) -> None:
        make_lesson({"size_mult": 1.1})
        make_lesson({"size_mult": 0.9}, status="too_light", scope={})
        make_lesson({"alloc_mult_target": 1.1}, module="dm", type="dm_alloc", action_category="allocation")
        client = browser_of(reviewer)

        shown = words(page(client, page_of("size_mult")))

        assert "1 lesson of method plan, active" in shown
        assert "1 lesson of method plan, too light to act" in shown
        assert "1 lesson of method plan, active" in words(page(client, page_of("alloc_mult")))
        assert "No lesson aims at it." in words(page(client, page_of("phase_scaling_s1")))

    def test_says_that_learning_is_switched_off(self, monkeypatch: pytest.MonkeyPatch, reviewer: User) -> None:
        monkeypatch.setattr(learned, "LEARNS", False)

        assert "Learning is switched off" in words(page(browser_of(reviewer), page_of("trail_mult")))

    def test_has_the_sections_that_have_something_to_say(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sections, "PROVIDERS", (*sections.PROVIDERS, lambda asked: None))

        found = sections.sections_of(Asked(LEVERS["size_mult"], NOW))

        keys = ["row", "known", "earned", "targets", "learned", "alternatives", "explored"]
        assert [each.key for each in found] == keys


class TestAlternatives:
    @pytest.fixture(autouse=True)
    def recorded(self, db: None) -> None:
        """Record three trades of the demo's source, of which two tell alternatives, one by replays as well."""
        tells = {"trail_mult": {"0.67": 0.1, "2": -0.2}}
        replays = {"replays": {"trail_mult": {"1": 1.5, "10": 1.0}}, "taken_arms": {"trail_mult": "1"}}
        out = {"action_category": "exit", "pattern_key": KEY, "scope": SCOPE}
        actions = (
            [action_payload(), action_payload(**out, counterfactuals=tells)],
            [action_payload(), action_payload(**out, counterfactuals=tells, **replays)],
            [action_payload()],
        )
        trades = [make_trade(f"t{number}", actions=list(each), source=SOURCE) for number, each in enumerate(actions)]
        receipts = record_trades(trades, now=NOW)
        assert not any(each.refusals for each in receipts)

    def test_are_counted_by_trade_in_the_order_of_their_values(self, reviewer: User) -> None:
        shown = words(page(browser_of(reviewer), page_of("trail_mult")))

        assert "Of the 3 trades behind the newest 20,000 actions" in shown
        assert re.search(r"0\.67 2 1 1 2 2 10 1 ", shown)
        assert REPLAYED["trail_mult"] in shown

    def test_of_a_lever_that_the_source_cannot_replay_are_missing_for_a_reason(self, reviewer: User) -> None:
        shown = words(page(browser_of(reviewer), page_of("phase_scaling_s2")))

        assert "None of the 3 trades" in shown
        assert NOT_REPLAYED["phase_scaling_s2"] in shown

    def test_come_without_a_note_from_a_source_that_says_nothing(self, reviewer: User) -> None:
        assert SOURCE not in words(page(browser_of(reviewer), page_of("size_mult")))
