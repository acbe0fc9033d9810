"""Restrictions by people: vetoes and pins placed and lifted, lines retired, the builder stopped, everything off."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.models import ChangeRequest, LineHold, Membership, ModuleMode, Quarantine
from overrides.requests.emergency import cap_line, pin_line, quarantine_builder
from telemetry.foundation.core.canonical_json import utc_text
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import make_spec, publish, set_mode
from tests.conftest import make_user
from tests.overrides.requests.impact.test_what_if import ask

pytestmark = pytest.mark.django_db

LINES, OVERRIDES, HOLDS = (f"/admin/overrides/{name}/" for name in ("line", "override", "linehold"))
PM = "/admin/overrides/modulemode/pm/"
CUT = make_spec({"size_mult": 0.8})


def submitted(person: User, url: str, **data: Any) -> str:
    return browser_of(person).post(url, data, follow=True).content.decode()


class TestHolding:
    def test_vetoes_a_line_from_its_page_and_retires_it(self, operator: User) -> None:
        publish(CUT)
        browser = browser_of(operator)
        assert f'href="{LINES}{CUT.line}/veto/"' in page(browser, f"{LINES}{CUT.line}/change/")
        page(browser, f"{LINES}{CUT.line}/veto/")

        submitted(operator, f"{LINES}{CUT.line}/veto/", reason="it lost")

        assert LineHold.objects.get().kind == "veto"
        assert not Membership.objects.filter(to_version=None).exists()

    def test_shows_what_a_veto_does_to_exposure(self, operator: User) -> None:
        cut = make_spec({"size_mult": 0.8}, stats={"updated_at": utc_text(datetime.now(UTC))})
        publish(cut)
        ask(3)
        url = f"{LINES}{cut.line}/veto/"

        assert "+2.00\N{NO-BREAK SPACE}%" in page(browser_of(operator), url)
        publish(withdraw=[cut.line])
        assert "none: the line is not in force" in page(browser_of(operator), url)

    def test_pins_until_a_time_in_utc_and_lifts(self, reviewer: User) -> None:
        publish(CUT)

        submitted(reviewer, f"{LINES}{CUT.line}/pin/", reason="look first", expires_at="2100-01-01T12:00")

        hold = LineHold.objects.get()
        assert hold.expires_at == datetime(2100, 1, 1, 12, tzinfo=UTC)
        assert "look first" in page(browser_of(reviewer), f"{OVERRIDES}{CUT.content_id}/change/")
        page(browser_of(reviewer), f"{HOLDS}{hold.pk}/lift/")
        submitted(reviewer, f"{HOLDS}{hold.pk}/lift/", reason="looked at")
        hold.refresh_from_db()
        assert hold.lifted_at is not None

    def test_keeps_what_was_typed_where_it_is_refused(self, reviewer: User) -> None:
        publish(CUT)

        text = submitted(reviewer, f"{LINES}{CUT.line}/pin/", reason="look first", expires_at="2020-01-01T12:00")

        assert "lies in the past" in text
        assert "look first</textarea>" in text
        assert not LineHold.objects.exists()

    def test_is_for_those_who_may(self, author: User, operator: User) -> None:
        publish(CUT)

        assert browser_of(author).post(f"{LINES}{CUT.line}/veto/", {"reason": "no"}).status_code == 403
        assert browser_of(operator).post(f"{LINES}{CUT.line}/pin/", {"reason": "no"}).status_code == 403
        assert "/veto/" not in page(browser_of(author), f"{LINES}{CUT.line}/change/")

    def test_lists_the_holds_in_effect(self, reviewer: User) -> None:
        publish(CUT)
        pin_line(line_id=CUT.line, by=reviewer, reason="look first", at=datetime.now(UTC))

        assert "look first" in page(browser_of(reviewer), f"{HOLDS}?stands=yes")
        assert "look first" not in page(browser_of(reviewer), f"{HOLDS}?stands=no")


class TestRetiring:
    def test_shows_the_effect_of_a_replay_before_and_then_retires(self, operator: User) -> None:
        cut = make_spec({"size_mult": 0.8}, stats={"updated_at": utc_text(datetime.now(UTC))})
        publish(cut)
        ask(3)
        url = f"{OVERRIDES}{cut.content_id}/retire/"

        text = page(browser_of(operator), url)
        submitted(operator, url, reason="it lost", decide="yes")

        assert "retiring a cut raises exposure" in text
        assert "+2.00\N{NO-BREAK SPACE}%" in text
        assert "in a replay of the last 3 decisions" in text
        assert not Membership.objects.filter(to_version=None).exists()
        assert ChangeRequest.objects.get(route="at_once").reason == "it lost"

    def test_takes_many_from_the_list(self, operator: User, django_assert_max_num_queries: Any) -> None:
        specs = [make_spec(scope={"bucket": f"b{number}"}) for number in range(5)]
        publish(*specs)
        ticked = {"action": "retire", "_selected_action": [spec.content_id for spec in specs[:4]]}
        browser = browser_of(operator)

        with django_assert_max_num_queries(MOST_QUERIES):
            assert "Retire 4 lines" in browser.post(OVERRIDES, ticked).content.decode()
        browser.post(OVERRIDES, ticked | {"decide": "yes", "reason": "they lost"})

        assert Membership.objects.get(to_version=None).line_id == specs[4].line

    def test_needs_a_reason_and_the_permission(self, operator: User, author: User) -> None:
        publish(CUT)
        url = f"{OVERRIDES}{CUT.content_id}/retire/"

        assert "say why" in submitted(operator, url, decide="yes")
        assert browser_of(author).post(url, {"decide": "yes", "reason": "no"}).status_code == 403
        assert Membership.objects.filter(to_version=None).exists()

    def test_says_when_nothing_is_in_force(self, operator: User) -> None:
        publish(CUT)
        publish(withdraw=[CUT.line])

        assert "None of them is in force" in submitted(operator, f"{OVERRIDES}{CUT.content_id}/retire/", decide="yes")


class TestBuilder:
    def test_is_stopped_and_let_go_on_from_the_page_of_its_module(self, operator: User, reviewer: User) -> None:
        submitted(operator, f"{PM}quarantine/", reason="it flaps")
        assert "it flaps" in page(browser_of(reviewer), f"{PM}change/")

        submitted(reviewer, f"{PM}lift_quarantine/", reason="mended")

        assert Quarantine.objects.get().lifted_at is not None

    def test_is_let_go_on_by_a_reviewer_alone(self, operator: User) -> None:
        quarantine_builder(module="pm", by=operator, reason="it flaps", at=datetime.now(UTC))

        assert browser_of(operator).post(f"{PM}lift_quarantine/", {"reason": "mended"}).status_code == 403
        assert Quarantine.objects.get().lifted_at is None


class TestEverythingOff:
    URL = "/admin/overrides/modulemode/everything-off/"

    def test_takes_one_press_and_a_reason_on_the_first_page(self, operator: User) -> None:
        set_mode("on")
        set_mode("shadow", module="dm")
        assert f'action="{self.URL}"' in page(browser_of(operator), "/admin/")

        text = submitted(operator, self.URL, reason="the exchange is down")

        assert "Off within a second: " in text
        assert set(ModuleMode.objects.values_list("mode", flat=True)) == {"off"}

    def test_asks_for_a_reason_where_none_was_given(self, operator: User) -> None:
        set_mode("on")

        assert "say why" in submitted(operator, self.URL)
        assert ModuleMode.objects.get().mode == "on"

    def test_is_for_those_who_may(self, author: User) -> None:
        assert self.URL not in page(browser_of(author), "/admin/")
        assert browser_of(author).post(self.URL, {"reason": "no"}).status_code == 403


class TestFirstPage:
    def test_counts_what_waits_for_review(self, operator: User, reviewer: User) -> None:
        set_mode("on")
        submitted(operator, "/admin/overrides/modulemode/everything-off/", reason="the exchange is down")

        assert "1 request took effect at once" in " ".join(page(browser_of(reviewer), "/admin/").split())
        listed = page(browser_of(reviewer), "/admin/overrides/changerequest/?afterwards=waiting")
        assert "1 change request" in listed

    def test_counts_the_mandates_due_for_review(self) -> None:
        publish(CUT)  # published in March, so its mandate of ninety days is overdue in November
        reader = make_user("reader")

        assert "Mandates to review: 1 overdue, 0 due within 14 days" in page(browser_of(reader), "/admin/")
        assert "1 mandate" in page(browser_of(reader), "/admin/overrides/mandate/?due=soon")


class TestACap:
    def test_is_placed_on_the_page_of_the_line_and_shown(self, reviewer: User) -> None:
        spec = make_spec()
        publish(spec)
        url = f"/admin/overrides/line/{spec.line}/cap/"
        browser = browser_of(reviewer)

        assert "In force on it now: size_mult 1.1." in page(browser, url)
        refused = browser.post(url, {"cap": "size_mult=9", "reason": "too bold"}).content.decode()
        response = browser.post(url, {"cap": "size_mult=1.05", "reason": "too bold"}, follow=True)

        assert "9 is no value of size_mult" in refused
        assert "no farther from neutral than size_mult" in response.content.decode()
        hold = LineHold.objects.get()
        assert (hold.kind, hold.cap, hold.reason) == ("cap", {"size_mult": 1.05}, "too bold")
        assert "size_mult" in page(browser, "/admin/overrides/linehold/")

    def test_says_what_lifting_it_does(self, reviewer: User) -> None:
        spec = make_spec()
        publish(spec)
        hold = cap_line(
            line_id=spec.line, cap={"size_mult": 1.05}, by=reviewer, reason="too bold", at=datetime.now(UTC)
        )

        text = page(browser_of(reviewer), f"/admin/overrides/linehold/{hold.pk}/lift/")

        assert "The next daily draft may propose the line without the cap." in text
