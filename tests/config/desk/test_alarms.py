"""Alarms on the first page: a finding is at its top in words, until it verifies again or a reviewer explains it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from telemetry.audit.alarms import VERIFY_AUDIT, alarm_of, raise_alarm
from telemetry.audit.verify_trail import ChainBroken, verify_nightly
from telemetry.core.audit_facts import Finding
from telemetry.models import AuditEntry
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import NOW, make_spec, publish, set_mode
from tests.trail import execute

pytestmark = pytest.mark.django_db

URL = "/admin/alarms/verify audit/acknowledge/"
TITLE = "The audit trail does not verify"


def acknowledge(browser: Client, **over: str) -> str:
    alarm = alarm_of(VERIFY_AUDIT)
    fields = {"digest": alarm.digest if alarm else "", "reason": "the backup of Monday was restored"} | over
    return browser.post(URL, fields, follow=True).content.decode()


@pytest.fixture
def switched_on() -> None:
    """A module switched on behind the back of everybody, and found by the nightly check."""
    publish(make_spec())
    set_mode("off")
    execute("UPDATE overrides_modulemode SET mode = 'on'")
    with pytest.raises(ChainBroken):
        verify_nightly(now=NOW)


@pytest.mark.usefixtures("switched_on")
class TestTheFirstPage:
    def test_names_the_row_and_what_to_do_before_anything_else(
        self, reviewer: User, django_assert_max_num_queries: Any
    ) -> None:
        browser = browser_of(reviewer)

        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, "/admin/")

        assert "mode pm: mode is &quot;on&quot;, and audit entry" in text
        assert text.index('class="module cw-panel cw-alarm" role="alert"') < text.index("What is served")
        for told in (TITLE, "Copy the database and the file of heads before anything else", URL.replace(" ", "%20")):
            assert told in text

    def test_offers_to_acknowledge_it_to_reviewers_alone(self, operator: User) -> None:
        text = page(browser_of(operator), "/admin/")

        assert TITLE in text
        assert "A reviewer can acknowledge it with a reason." in text
        assert "Acknowledge with a reason" not in text

    def test_shows_it_to_nobody_who_may_not_see_the_trail(self, reviewer: User) -> None:
        client = Client()
        client.force_login(reviewer)

        assert TITLE not in page(client, "/admin/")

    def test_is_quiet_about_it_once_it_verifies_again(self, reviewer: User) -> None:
        execute("UPDATE overrides_modulemode SET mode = 'off'")
        verify_nightly(now=NOW.replace(day=3))

        assert TITLE not in page(browser_of(reviewer), "/admin/")


@pytest.mark.usefixtures("switched_on")
class TestAcknowledging:
    @pytest.fixture
    def browser(self, reviewer: User) -> Client:
        return browser_of(reviewer)

    def test_writes_who_and_why_into_the_trail_and_takes_it_off_the_top(self, browser: Client) -> None:
        text = acknowledge(browser)

        assert "cw-alarm" not in text
        assert "acknowledged by reviewer: the backup of Monday was restored" in text
        entry = AuditEntry.objects.latest("seq")
        assert (entry.actor, entry.action, entry.object) == ("reviewer", "acknowledge", "check verify audit")

    def test_needs_a_reason(self, browser: Client) -> None:
        assert "say why: a reviewer reads it first" in acknowledge(browser, reason=" ")
        assert "cw-alarm" in page(browser, "/admin/")

    def test_is_of_what_the_page_showed(self, browser: Client) -> None:
        assert "something else was found since you opened the page" in acknowledge(browser, digest="f" * 64)

    def test_asks_for_the_password_where_it_is_long_since(self, browser: Client) -> None:
        session = browser.session
        session["identity_proven_at"] = 0.0
        session.save()

        assert "type your password as well" in acknowledge(browser).lower()
        assert "cw-alarm" in page(browser, "/admin/")

    def test_shows_what_is_acknowledged(self, browser: Client) -> None:
        text = page(browser, URL)

        assert "mode pm: mode is &quot;on&quot;" in text

    def test_is_for_reviewers(self, operator: User) -> None:
        response = browser_of(operator).post(URL, {"digest": "", "reason": "x"})

        assert response.status_code == 403

    def test_is_of_an_alarm_that_stands(self, browser: Client) -> None:
        acknowledge(browser)

        assert browser.get(URL).status_code == 404
        assert browser.get("/admin/alarms/anything/acknowledge/").status_code == 404

    def test_needs_a_login(self) -> None:
        assert Client().post(URL).status_code == 302


class TestOtherChecks:
    def test_have_words_of_their_own(self, reviewer: User) -> None:
        differs = Finding("decision 7", "reason is 'COMBINED', recomputed 'SINGLE'")
        raise_alarm("replay", [differs], at=datetime.now(UTC))

        text = page(browser_of(reviewer), "/admin/")

        assert "What was served is not what is stored" in text
        assert "decision 7: reason is &#x27;COMBINED&#x27;" in text
