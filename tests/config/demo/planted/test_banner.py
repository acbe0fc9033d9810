"""Every page of the planted demo says what it is, and no page of another database does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.views.defaults import page_not_found, permission_denied, server_error

from config.api import docs_page
from tests.admin_pages import browser_of, page

ROOT = Path(__file__).parents[4]
TEMPLATES = [*(ROOT / "templates").rglob("*.html")]
BANNER = "Planted demo:"
OF_A_FILE = "report.html"  # written by a command, from other people's trades; never a page of this site

PAGES = ["/admin/", "/admin/overrides/changerequest/", "/admin/telemetry/trade/"]


def failed(name: str) -> str:
    request = RequestFactory().get("/admin/nothing/")
    views: dict[str, Callable[[], HttpResponse]] = {
        "404": lambda: page_not_found(request, Exception()),
        "403": lambda: permission_denied(request, Exception()),
        "500": lambda: server_error(request),
    }
    return views[name]().content.decode()


@pytest.fixture
def documentation() -> Iterator[None]:
    """Render the page of the API anew before and after the test; a process renders it once."""
    docs_page._page.cache_clear()
    yield
    docs_page._page.cache_clear()


@pytest.mark.django_db
class TestPages:
    @pytest.mark.usefixtures("documentation")
    @pytest.mark.parametrize("is_planted", [True, False])
    def test_carry_the_banner_once_where_the_demo_is_planted_and_nowhere_else(
        self, reviewer: User, settings: Any, is_planted: bool
    ) -> None:
        settings.PLANTED_DEMO = is_planted
        client = browser_of(reviewer)

        texts = [page(client, url) for url in PAGES] + [page(Client(), "/admin/login/"), page(client, "/api/v1/docs/")]

        assert [text.count(BANNER) for text in texts] == [int(is_planted)] * len(texts)

    @pytest.mark.parametrize("is_planted", [True, False])
    def test_of_failures_do_too(self, settings: Any, is_planted: bool) -> None:
        settings.PLANTED_DEMO = is_planted

        texts = [failed(name) for name in ("404", "403", "500")]
        texts += [render_to_string(name, {"path": "/"}) for name in ("503.html", "400.html", "403_csrf.html")]

        assert [text.count(BANNER) for text in texts] == [int(is_planted)] * len(texts)


class TestTemplates:
    def test_that_begin_a_page_hold_the_banner(self) -> None:
        begin = [path for path in TEMPLATES if re.search(r"<html", path.read_text(), re.IGNORECASE)]

        assert {path.name for path in begin if "{% planted_banner %}" not in path.read_text()} == {OF_A_FILE}

    def test_that_change_the_admins_messages_keep_what_stands_there(self) -> None:
        changed = [path for path in TEMPLATES if "{% block messages %}" in path.read_text()]

        assert changed
        assert all(re.search(r"{% block messages %}.*{{ block.super }}", path.read_text()) for path in changed)
