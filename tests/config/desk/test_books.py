"""What each module learns from, how many trades of every book can teach it, and how to ask for another book."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from config.desk.books import books
from overrides.core.governance.permissions import DRAFT, PROPOSE_PARAMETERS
from telemetry.recording.record_trades import record_trades
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import NOW, make_trade
from tests.conftest import make_user

pytestmark = pytest.mark.django_db


def record(external_id: str, **over: Any) -> None:
    record_trades([make_trade(external_id, **over)], now=NOW)


def test_of_a_module_without_trades_there_are_no_books() -> None:
    assert [each.books for each in books()] == [[], []]


class TestBooksPage:
    def test_shows_the_books_in_few_queries_and_asks_for_another(self, django_assert_max_num_queries: Any) -> None:
        record("tested", book="backtest")
        browser = browser_of(make_user("a rule maker", DRAFT, PROPOSE_PARAMETERS))

        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, "/admin/books/")

        assert "pm learns from paper" in text
        assert "propose to learn from backtest too" in text
        address = "/admin/overrides/parameterset/pm/propose/?lessons.books=paper%2C+backtest"
        assert f'href="{address}"' in text
        assert 'value="paper, backtest"' in page(browser, address)

    def test_offers_no_proposal_to_those_who_may_not_make_it(self, operator: User) -> None:
        record("tested", book="backtest")

        assert "propose to learn" not in page(browser_of(operator), "/admin/books/")

    def test_is_there_as_csv(self, operator: User) -> None:
        record("tested", book="backtest")

        response = browser_of(operator).get("/admin/books/list.csv")

        header, row = b"".join(response).decode().splitlines()
        assert header == "module,book,is_learned,trades,entries,teaching,not_teaching,reasons,last_close"
        assert row.startswith("pm,backtest,False,1,1,1,0,")

    def test_is_for_those_who_may_see_trades(self, client: Client) -> None:
        client.force_login(make_user("nobody"))

        assert client.get("/admin/books/").status_code == 403
        assert client.get("/admin/books/list.csv").status_code == 403

    def test_the_start_page_says_where_it_counts_the_newest_alone(
        self, author: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for place in ("config.desk.books", "config.desk.today"):
            monkeypatch.setattr(f"{place}.COUNTED", 2)
        for number in range(3):
            record(f"paper {number}")

        text = page(browser_of(author), "/admin/")

        assert "It learns from paper (2 trades), counted in the newest 2 actions." in text

    def test_the_start_page_says_what_each_module_learns_from(self, author: User) -> None:
        record("tested", book="backtest")

        text = page(browser_of(author), "/admin/")

        assert "It learns from paper (no trade); 1 trade of backtest is recorded and not learned from." in text
