"""The page of a module: its mode, lowering at once, and raising by a request."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from overrides.admin.serving import mode_page
from overrides.core.governance.permissions import DRAFT, LOWER, REVIEW
from overrides.models import ModuleMode
from overrides.requests.apply import apply_request
from overrides.requests.review import approve
from overrides.serving.confirmations import confirm
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.identifiers import uuid7
from tests.admin_pages import MOST_QUERIES, browser_of, page, requests_by_people
from tests.builders import make_decision, make_parameters, make_spec, publish, set_mode
from tests.conftest import make_user
from tests.overrides.requests.impact.test_what_if import ask as log_questions

pytestmark = pytest.mark.django_db

LIST = "/admin/overrides/modulemode/"
PM = f"{LIST}pm/change/"
UNCHANGED = {"mode": "off", "rollout_percent": "100", "allow": "", "challenger": "", "reason": "it is reviewed"}


@pytest.fixture
def asker(db: None) -> User:
    return make_user("asker", "overrides.add_changerequest", "overrides.propose_parameters")


def ask(person: User, what: str = "mode", module: str = "pm", **fields: str) -> Any:
    form = UNCHANGED | fields if what == "mode" else {"reason": "to compare"} | fields
    return browser_of(person).post(f"{LIST}{module}/ask/{what}/", form)


class TestPages:
    def test_list_every_module_even_those_nobody_set(self, author: User, django_assert_max_num_queries: Any) -> None:
        set_mode("shadow", module="dm")
        browser = browser_of(author)

        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, LIST)

        assert f'href="{PM}"' in text
        assert "never set: off" in text
        assert text.count('<span class="cw-badge cw-warn">shadow</span>') == 1

    def test_show_the_positions_held_back(self, author: User, django_assert_max_num_queries: Any) -> None:
        publish(make_spec())
        set_mode("on", holdback_percent=20)
        for number in range(20):
            log_questions(1, at=datetime.now(UTC) - timedelta(hours=1), position_key=f"BTC/USDT {number}")
        log_questions(1, at=datetime.now(UTC) - timedelta(hours=1))
        browser = browser_of(author)

        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, PM)

        assert "Positions held back" in text
        assert "1 of 21 answers were to questions without a position key" in text
        assert "Asked again under another key within five minutes" in text

    def test_show_a_module_without_a_row_as_off(self, author: User) -> None:
        text = page(browser_of(author), PM)

        assert '<span class="cw-badge cw-bad">off</span>' in text
        assert "a module without one is off" in text
        assert "none yet: levers are neutral" in text

    def test_show_what_is_in_force_in_few_queries(self, asker: User, django_assert_max_num_queries: Any) -> None:
        version = publish(make_spec(), parameters=make_parameters({"combiner": "most_specific"}))
        set_mode("on", rollout_percent=12.5, allow={"bucket": ["micro", "big"]}, challenger=version.number)
        browser = browser_of(asker)

        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, PM)

        for shown in ("12.50 %", "<b>micro, big</b>", ">pm 1</a>, 1 override", "<td>most_specific</td>"):
            assert shown in text

    def test_count_the_answers_of_the_last_day(self, author: User) -> None:
        now = datetime.now(UTC)
        for reason, module in (("SINGLE", "pm"), ("SINGLE", "pm"), ("MODULE_OFF", "dm")):
            record_decisions([make_decision(decision_id=uuid7(now), at=now, reason=reason, module=module)])

        text = page(browser_of(author), PM)

        assert '>one override</span></td><td class="cw-r"><span class="cw-num">2</span>' in text
        assert ">module off</span>" not in text

    def test_list_who_has_not_confirmed_the_newest_state(self, asker: User, django_assert_max_num_queries: Any) -> None:
        publish(make_spec())
        set_mode("on")
        now = datetime.now(UTC)
        confirm("process", "web-1:4711:1796050800", {"pm": (1, 1)}, now)
        confirm("client", "bot-7", {"pm": (1, 1)}, now - timedelta(seconds=60))
        browser = browser_of(asker)
        assert "2 of 2 processes and local clients have confirmed" in page(browser, PM)

        set_mode("off")
        confirm("process", "web-1:4711:1796050800", {"pm": (1, 2)}, now)
        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, PM)

        assert "1 of 2 processes and local clients has confirmed the newest version and mode." in text
        assert "web-1" not in text
        assert 'bot-7 <span class="cw-quiet">local client</span>' in text
        assert "version 1, mode revision 1" in text
        assert ">silent</span>" in text

    def test_know_no_other_module(self, author: User) -> None:
        assert browser_of(author).get(f"{LIST}zz/change/").status_code == 404

    def test_offer_a_viewer_no_button(self, author: User) -> None:
        set_mode("on")

        text = page(browser_of(author), PM)

        assert "/lower/" not in text
        assert "/ask/" not in text
        assert "an operator has it" in text

    def test_are_closed_without_permission(self, client: Client, operator: User) -> None:
        client.force_login(operator)

        assert client.get(PM).status_code == 403
        assert client.get(LIST).status_code == 403
        assert client.post(f"{LIST}pm/lower/", {"to": "off", "reason": "x"}).status_code == 403


class TestLowering:
    @pytest.mark.parametrize("to", ["off", "shadow"])
    def test_goes_towards_neutral_at_once(self, operator: User, to: str) -> None:
        set_mode("on")

        browser_of(operator).post(f"{LIST}pm/lower/", {"to": to, "reason": "odd fills"})

        row = ModuleMode.objects.get(module="pm")
        assert (row.mode, row.reason, row.changed_by) == (to, "odd fills", "operator")

    def test_rolls_out_to_fewer(self, operator: User) -> None:
        set_mode("on", rollout_percent=50)

        browser_of(operator).post(f"{LIST}pm/fewer/", {"rollout_percent": "12.5", "reason": "odd fills"})

        row = ModuleMode.objects.get(module="pm")
        assert (row.mode, row.rollout_percent, row.reason) == ("on", 12.5, "odd fills")

    @pytest.mark.parametrize(
        ("action", "form", "words"),
        [
            ("lower", {"to": "off", "reason": " "}, "say why"),
            ("lower", {"to": "on", "reason": "x"}, "pm is shadow; going to on needs a reviewed request"),
            ("lower", {"to": "sideways", "reason": "x"}, "needs a reviewed request"),
            ("fewer", {"rollout_percent": "60", "reason": "x"}, "a larger roll-out needs a reviewed request"),
            ("fewer", {"rollout_percent": "-1", "reason": "x"}, "greater than or equal to 0"),
            ("fewer", {"rollout_percent": "few", "reason": "x"}, "Enter a number."),
            ("fewer", {"rollout_percent": "nan", "reason": "x"}, "Enter a number."),
        ],
    )
    def test_says_why_it_refuses(self, operator: User, action: str, form: dict[str, str], words: str) -> None:
        set_mode("shadow", rollout_percent=50)

        response = browser_of(operator).post(f"{LIST}pm/{action}/", form)

        assert words in response.content.decode()
        row = ModuleMode.objects.get(module="pm")
        assert (row.mode, row.rollout_percent) == ("shadow", 50)

    def test_asks_for_a_share_of_positions_to_hold_back(self, asker: User) -> None:
        ask(asker, holdback_percent="2.5")

        drafted = requests_by_people().get()
        assert drafted.content == {"holdback_percent": 2.5}
        assert drafted.title == "Serving of pm: percentage of positions held back 0 → 2.5"

    def test_refuses_to_hold_back_more_than_a_fifth(self, asker: User) -> None:
        text = ask(asker, holdback_percent="20.5").content.decode()

        assert "Ensure this value is less than or equal to 20" in text
        assert not requests_by_people().exists()

    def test_keeps_what_was_typed(self, operator: User) -> None:
        set_mode("on", rollout_percent=50)

        response = browser_of(operator).post(f"{LIST}pm/fewer/", {"rollout_percent": "60", "reason": "odd fills"})

        text = response.content.decode()
        assert 'value="60"' in text
        assert "odd fills</textarea>" in text

    @pytest.mark.parametrize("action", ["lower", "fewer"])
    def test_needs_the_permission_and_a_post(self, reviewer: User, operator: User, action: str) -> None:
        set_mode("on")
        form = {"to": "off", "rollout_percent": "1", "reason": "x"}

        assert browser_of(reviewer).post(f"{LIST}pm/{action}/", form).status_code == 403
        assert browser_of(operator).get(f"{LIST}pm/{action}/").status_code == 405
        assert ModuleMode.objects.get(module="pm").mode == "on"


class TestAsking:
    def test_switches_a_fresh_installation_on(self, asker: User, reviewer: User) -> None:
        response = ask(asker, mode="on", confirm="pm")

        drafted = requests_by_people().get()
        assert response["Location"] == f"/admin/overrides/changerequest/{drafted.pk}/change/"
        assert (drafted.kind, drafted.state, drafted.content) == ("mode", "in_review", {"mode": "on"})
        assert (drafted.title, drafted.author, drafted.reason) == ("Switch pm to on", asker, "it is reviewed")
        assert not ModuleMode.objects.exists()
        now = datetime.now(UTC)
        approve(request_id=drafted.pk, by=reviewer, at=now)
        apply_request(request_id=drafted.pk, by=reviewer, at=now)
        assert ModuleMode.objects.get().mode == "on"

    @pytest.mark.parametrize("confirm", ["", "PM", "pm ", "dm"])
    def test_needs_the_module_s_name_to_switch_on(self, asker: User, confirm: str) -> None:
        response = ask(asker, mode="on", confirm=confirm)

        assert "Type &quot;pm&quot; to confirm. Bots will receive overrides again." in response.content.decode()
        assert not requests_by_people().exists()

    def test_asks_for_no_name_where_it_is_on(self, asker: User) -> None:
        set_mode("on", rollout_percent=10)

        ask(asker, mode="on", rollout_percent="25")

        assert requests_by_people().get().content == {"rollout_percent": 25.0}

    def test_names_scopes_and_a_challenger(self, asker: User) -> None:
        publish(make_spec())
        publish(make_spec({"size_mult": 1.2}))

        ask(asker, allow="macro_phase: Good, Recover\n\n bucket :micro ", challenger="1")

        assert requests_by_people().get().content == {
            "allow": {"macro_phase": ["Good", "Recover"], "bucket": ["micro"]},
            "challenger": 1,
        }

    def test_takes_a_challenger_and_scopes_away(self, asker: User) -> None:
        publish(make_spec())
        set_mode("shadow", challenger=1, allow={"bucket": ["micro"]})

        ask(asker, mode="shadow")

        assert requests_by_people().get().content == {"allow": {}, "challenger": None}

    def test_keeps_a_challenger_older_than_those_offered(self, asker: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(mode_page, "MOST_VERSIONS", 1)
        for target in (1.1, 1.2, 1.3):
            publish(make_spec({"size_mult": target}))
        set_mode("shadow", challenger=1)

        assert '<option value="2"' not in page(browser_of(asker), PM)
        ask(asker, mode="shadow", challenger="1", rollout_percent="50")

        assert requests_by_people().get().content == {"rollout_percent": 50.0}

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({}, "Nothing differs from how the module is served"),
            ({"rollout_percent": "101"}, "less than or equal to 100"),
            ({"rollout_percent": ""}, "This field is required"),
            ({"mode": "loud"}, "loud is not one of the available choices"),
            ({"challenger": "7"}, "7 is not one of the available choices"),
            ({"allow": "macro_phase Good"}, "line 1: write dimension: value, value"),
            (
                {"allow": "bucket: micro\ncolour: red"},
                "line 2: &#x27;colour&#x27; is no dimension; known are macro_phase",
            ),
            ({"allow": "bucket: micro\nbucket: big"}, "line 2: bucket is named twice"),
            ({"allow": f"bucket: {'x' * 65}"}, "must be text of 1 to 64 characters"),
            ({"rollout_percent": "50", "reason": " "}, "say why: a reviewer reads it first"),
        ],
    )
    def test_says_why_it_refuses(self, asker: User, fields: dict[str, str], words: str) -> None:
        response = ask(asker, **fields)

        assert response.status_code == 200
        assert words in response.content.decode()
        assert not requests_by_people().exists()

    def test_keeps_what_was_typed(self, asker: User) -> None:
        text = ask(asker, rollout_percent="40", allow="colour: red", reason="slowly").content.decode()

        assert 'value="40"' in text
        assert "colour: red</textarea>" in text
        assert "slowly</textarea>" in text

    def test_changes_one_combiner_of_the_parameters_in_force(self, asker: User) -> None:
        parameters = make_parameters({"weights": {"n_target": 31}})
        publish(make_spec(), parameters=parameters)

        ask(asker, "combiner", pm_strength="most_specific")

        drafted = requests_by_people().get()
        proposed = make_parameters({"weights": {"n_target": 31}, "combiner": "most_specific"})
        assert (drafted.kind, drafted.content) == ("parameters", proposed.to_document())
        assert drafted.title == "Combiner of pm_strength plan → most_specific"

    @pytest.mark.parametrize(
        ("combiner", "words"),
        [
            ("plan", "Nothing differs from the combiners in force"),
            ("evidence", "evidence is not one of the available choices"),
        ],
    )
    def test_allows_only_combiners_of_the_policy(self, asker: User, combiner: str, words: str) -> None:
        response = ask(asker, "combiner", pm_strength=combiner)

        assert words in response.content.decode()
        assert not requests_by_people().exists()

    def test_has_no_combiner_to_offer_under_evidence(self, asker: User) -> None:
        publish(module="dm", parameters=make_parameters({"policy": "evidence", "combiner": "evidence"}, "dm"))

        text = page(browser_of(asker), f"{LIST}dm/change/")

        assert "method goes with one combiner only" in text
        assert ask(asker, "combiner", "dm", dm_alloc="plan").status_code == 200
        assert not requests_by_people().exists()

    @pytest.mark.parametrize(
        ("what", "fields"), [("mode", {"rollout_percent": "40"}), ("combiner", {"pm_strength": "most_specific"})]
    )
    def test_drafts_once(self, asker: User, what: str, fields: dict[str, str]) -> None:
        ask(asker, what, **fields)
        first = requests_by_people().get()

        again = ask(asker, what, **fields)

        assert f"Request {first.pk} asks for the same already and is in_review." in again.content.decode()
        assert requests_by_people().count() == 1
        assert first.title in page(browser_of(asker), PM)

    @pytest.mark.parametrize("what", ["mode", "combiner"])
    def test_needs_the_permission_and_a_post(self, asker: User, operator: User, what: str) -> None:
        response = ask(operator, what, mode="on", confirm="pm", pm_strength="most_specific")

        assert response.status_code == 403
        assert browser_of(asker).get(f"{LIST}pm/ask/{what}/").status_code == 405
        assert not requests_by_people().exists()

    def test_is_protected_against_forged_forms(self, asker: User) -> None:
        forger = Client(enforce_csrf_checks=True)
        forger.force_login(asker)

        assert forger.post(f"{LIST}pm/ask/mode/", UNCHANGED | {"rollout_percent": "1"}).status_code == 403


class TestEffect:
    """What switching a module off does to exposure is shown where it is done."""

    FRESH = {"updated_at": utc_text(datetime.now(UTC))}

    @pytest.fixture
    def served(self) -> None:
        set_mode("on", rollout_percent=50.0)
        publish(make_spec({"size_mult": 0.8}, stats=self.FRESH), make_spec(scope={"bucket": "micro"}))
        log_questions(3)

    @pytest.mark.usefixtures("served")
    def test_is_beside_the_buttons_of_the_module_s_page(self, operator: User) -> None:
        text = " ".join(page(browser_of(operator), PM).split())

        assert 'switching pm off: <span class="cw-num cw-raises">+2.00 %</span>' in text
        assert 'as served: <span class="cw-num cw-raises">+1.00 %</span>' in text

    @pytest.mark.usefixtures("served")
    def test_costs_few_queries_even_those_who_may_do_everything(self, django_assert_max_num_queries: Any) -> None:
        browser = browser_of(make_user("chief", LOWER, REVIEW, DRAFT))

        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, PM)

        assert "switching pm off" in text
        assert "/ask/mode/" in text

    @pytest.mark.usefixtures("served")
    def test_is_on_the_page_that_switches_everything_off(
        self, operator: User, django_assert_max_num_queries: Any
    ) -> None:
        browser = browser_of(operator)

        with django_assert_max_num_queries(MOST_QUERIES):
            text = " ".join(page(browser, f"{LIST}everything-off/").split())

        assert 'exposure change of dm: <span class="cw-quiet">none: nothing of it is served</span>' in text
        assert 'exposure change of pm: <span class="cw-num cw-raises">+2.00 %</span>' in text

    @pytest.mark.usefixtures("served")
    def test_stands_beside_how_many_overrides_act(self, author: User) -> None:
        text = " ".join(re.sub(r"<[^>]+>", "", page(browser_of(author), PM)).split())

        assert "pm 1, 2 overrides in force, of which 1 acts today" in text
