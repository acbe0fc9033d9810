"""From a lost trade to who approved what moved it, and what a reviewer does with mandates; by real clicks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Enter
from tests.browser.test_walks import fact, link, panel
from tests.browser.world import World, make_world, renewed
from tests.builders import make_spec, publish

OLD = make_spec({"size_mult": 1.05}, scope={"macro_phase": "Recover"})
MOST_CLICKS = 4


@pytest.fixture
def world(transactional_db: None) -> World:
    return renewed(make_world_with_an_old_mandate)


def make_world_with_an_old_mandate() -> World:
    """Make the world of the walks, and a line whose mandate was to be reviewed ten days ago."""
    publish(OLD, at=datetime.now(UTC) - timedelta(days=100, hours=1))
    return make_world()


class Clicks:
    """Counts the clicks of a walk."""

    def __init__(self) -> None:
        self.number = 0

    def on(self, target: Locator) -> None:
        target.click()
        self.number += 1


class TestThread:
    def test_leads_from_a_lost_trade_to_who_approved_in_four_clicks(self, enter: Enter) -> None:
        page, clicks = enter("reviewer"), Clicks()

        clicks.on(link(page, "Trades"))
        clicks.on(link(page, "served -1 R"))
        row = panel(page, re.compile("^What the levers earned")).locator("tbody").first.get_by_role("row").first
        expect(row).to_contain_text("reviewer")
        clicks.on(row.get_by_role("link", name=re.compile("^request ")))

        assert clicks.number <= MOST_CLICKS
        expect(page.get_by_role("heading", level=1)).to_contain_text("Lessons: ")
        expect(panel(page, "Votes").get_by_role("row").filter(has_text="reviewer")).to_contain_text("approve")

    def test_leads_from_a_version_to_an_override_to_its_request_and_back(self, enter: Enter) -> None:
        page = enter("reviewer")
        link(page, "Versions").click()
        link(page, "pm 2").click()

        expect(fact(page, "Approved by")).to_have_text("reviewer")
        page.get_by_role("table").get_by_role("link", name=re.compile("breakout entry")).first.click()
        expect(fact(page, "Approved by")).to_have_text("reviewer")
        fact(page, "Brought by").get_by_role("link", name=re.compile("^request ")).click()
        fact(page, "Brought version").get_by_role("link").click()
        expect(page).to_have_url(re.compile("/overrides/version/"))

    def test_leads_from_a_decision_to_the_trade_and_to_who_approved(self, enter: Enter) -> None:
        page = enter("reviewer")
        link(page, "Decisions").click()
        page.locator("#result_list tbody tr").filter(has_text="one override").first.get_by_role("link").first.click()

        took_part = panel(page, "Overrides that took part, and who approved them")
        expect(took_part.get_by_role("row").nth(1)).to_contain_text("reviewer")
        link(panel(page, "What became of it"), re.compile("^served ")).click()
        expect(page).to_have_url(re.compile("/telemetry/trade/"))
        link(panel(page, re.compile("^What the levers earned")), re.compile(r"^\d{4}-")).click()
        expect(page).to_have_url(re.compile("/telemetry/decision/"))


class TestMandates:
    def test_are_named_before_an_approval_and_linked_after_it(self, enter: Enter) -> None:
        page = enter("reviewer")
        link(page, re.compile("^Lessons: ")).click()

        link(page, re.compile("^Approve…")).click()
        expect(page.get_by_text(re.compile("Approving also lets the builder act without a person on"))).to_be_visible()
        page.get_by_role("button", name="Approve").click()
        link(page, re.compile("^Apply")).click()
        page.get_by_role("button", name="Apply").click()

        signed = fact(page, "Mandates it signed").get_by_role("link")
        count = signed.inner_text()
        signed.click()
        expect(page.get_by_text(count, exact=True)).to_be_visible()
        expect(page.locator("#result_list tbody tr").first).to_contain_text("days left")
        page.locator("#result_list tbody th a").first.click()
        expect(fact(page, "Signed by")).to_have_text("reviewer")

    def test_are_renewed_from_the_first_page(self, enter: Enter) -> None:
        page = enter("reviewer")
        due = panel(page, re.compile("^Mandates to review: 1 overdue"))
        expect(due).to_contain_text("overdue by 10 days")
        expect(due).to_contain_text("somebody")

        due.get_by_role("checkbox").check()
        due.get_by_role("button", name="Renew selected").click()
        expect(page.get_by_text(re.compile("You approve again what was approved"))).to_be_visible()
        page.get_by_label("Reason").fill("its edge is still there")
        page.get_by_role("button", name="Renew this mandate").click()

        expect(page.get_by_text(re.compile("^Renewed until"))).to_be_visible()
        expect(fact(page, "Signed by")).to_have_text("reviewer")
        expect(page.get_by_text("89 days left").first).to_be_visible()
        link(page, "Today").click()
        expect(page.get_by_text(re.compile("^Mandates to review"))).to_have_count(0)

    def test_are_revoked_from_their_page(self, enter: Enter) -> None:
        page = enter("owner")
        open_due(page)

        link(page, "Revoke…").click()
        page.get_by_label("Reason").fill("nothing but noise")
        page.get_by_role("button", name="Revoke this mandate").click()

        expect(page.get_by_text(re.compile("^Revoked: every change of its line needs a person now"))).to_be_visible()
        expect(page.get_by_text(re.compile("It ended on"))).to_be_visible()

    def test_cannot_be_renewed_by_an_operator(self, enter: Enter) -> None:
        page = enter("operator")
        open_due(page)

        expect(link(page, "Revoke…")).to_be_visible()
        expect(page.get_by_role("link", name="Renew…")).to_have_count(0)


def open_due(page: Page) -> None:
    """Open the mandate that is due, from the first page."""
    due = panel(page, re.compile("^Mandates to review"))
    due.get_by_role("row").nth(1).get_by_role("link").first.click()
