"""Every page as the owner sees it; the fixture `enter` inspects what is opened."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.chromium import log_in
from tests.browser.conftest import Enter
from tests.browser.inspection import faults_of_access, faults_of_layout
from tests.browser.world import PASSWORD, World

REFUSED = re.compile(r"_(add|delete|edit)$")  # facts are never added or deleted; only its author edits a request


def test_is_there_and_passes_inspection(world: World, enter: Enter) -> None:
    page = enter("owner")

    for address in world.addresses:
        found = page.context.request.get(address.url)
        if found.status == 405:
            continue  # it acts and takes only POST; its form is on another page
        if found.status == 403:
            assert REFUSED.search(address.name), address
        else:
            assert found.status == 200, address
            if found.headers["content-type"].startswith("text/html"):
                page.goto(address.url)


def test_an_author_finds_the_form_for_an_edit_which_passes_inspection(enter: Enter) -> None:
    page = enter("author")
    page.goto("/admin/overrides/changerequest/?state=in_review")

    page.get_by_role("link", name="Switch dm on").click()
    page.get_by_role("link", name="Edit").first.click()

    expect(page.get_by_role("heading", name="Edit:")).to_be_visible()


class TestRefusals:
    """Error pages look like the product, say what happened and lead back; the browser checks their status."""

    def test_of_an_unknown_address_leads_back(self, enter: Enter) -> None:
        page = enter("reviewer")

        found = page.context.request.get("/admin/nothing/here/")

        assert found.status == 404
        assert "No page stands at <code>/admin/nothing/here/</code>" in found.text()
        assert 'href="/admin/"' in found.text()

    def test_of_what_is_not_permitted_says_so(self, enter: Enter) -> None:
        page = enter("reviewer")

        found = page.context.request.get("/admin/auth/user/")

        assert found.status == 403
        assert "lacks the permission" in found.text()


def test_logging_out_leads_to_a_page_that_passes_inspection(browser: Browser, live_server: LiveServer) -> None:
    with browser.new_context(base_url=live_server.url, bypass_csp=True, reduced_motion="reduce") as context:
        page = context.new_page()
        log_in(page, live_server.url, "reviewer", PASSWORD)

        page.get_by_role("button", name="Log out").click()

        expect(page.get_by_role("heading", name="Logged out")).to_be_visible()
        assert faults_of_layout(page) + faults_of_access(page) == []
