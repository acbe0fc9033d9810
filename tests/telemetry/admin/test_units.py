"""The list of units of risk: what one R is for each strategy, and the reason."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.html import strip_tags

from telemetry.models import UnitOfRisk
from tests.admin_pages import browser_of, page
from tests.builders import NOW
from tests.conftest import make_user

pytestmark = pytest.mark.django_db
LIST = "/admin/telemetry/unitofrisk/"


def text_of(browser: Client, address: str) -> str:
    return " ".join(strip_tags(page(browser, address).replace("<", " <")).split())


class TestUnits:
    def test_are_listed_with_their_reasons(self, reviewer: User) -> None:
        UnitOfRisk.objects.create(strategy="Macd", unit="stop", trades=40, real_stops=39, chosen_at=NOW)
        UnitOfRisk.objects.create(strategy="Ichi", unit="atr", trades=0, real_stops=0, chosen_at=NOW)
        browser = browser_of(reviewer)

        text = text_of(browser, LIST)

        assert "Macd its first stop 39 of 40 trades have a real stop" in text
        assert "Ichi 2 ATR at entry, at least 0.4 % of the price It was chosen by hand. 2026-03-02 12:00 UTC" in text
        assert "Macd" not in page(browser, f"{LIST}?unit=atr")

    def test_have_a_page_that_changes_nothing(self, reviewer: User) -> None:
        unit = UnitOfRisk.objects.create(strategy="Macd", unit="stop", trades=40, real_stops=39, chosen_at=NOW)
        browser = browser_of(reviewer)
        address = f"{LIST}{unit.pk}/change/"

        assert "Macd: the first stop" in text_of(browser, address)
        assert browser.post(address, {"unit": "atr"}).status_code == 403

    def test_are_reached_from_the_menu_and_from_trades_by_book(self, reviewer: User) -> None:
        assert page(browser_of(reviewer), "/admin/books/").count(f'href="{LIST}"') == 2

    def test_say_how_one_arises(self, reviewer: User) -> None:
        assert "The first import of a strategy's trades from freqtrade chooses one" in text_of(
            browser_of(reviewer), LIST
        ).replace("&#x27;", "'")

    def test_are_for_those_who_may_see_them(self, client: Client) -> None:
        client.force_login(make_user("nobody"))

        assert client.get(LIST).status_code == 403
