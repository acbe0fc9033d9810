"""What each module learns from, how many trades of every book can teach it, and how to ask for another book."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from config.desk.books import books
from learning.core.first_look.teaching import Obstacle
from learning.readers.trades_by_book import BookOfModule, trades_by_book
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.governance.permissions import DRAFT, PROPOSE_PARAMETERS
from telemetry.recording.record_trades import record_trades
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import DAY, NOW, action_payload, make_trade
from tests.conftest import make_user

pytestmark = pytest.mark.django_db

PM = ModuleParameters.default("pm")


def record(external_id: str, scope: dict[str, str] | None = None, **over: Any) -> None:
    actions = [action_payload(scope={"macro_phase": "Good"} if scope is None else scope)]
    record_trades([make_trade(external_id, **{"actions": actions, **over})], now=NOW)


def by_book(**options: Any) -> dict[str, BookOfModule]:
    return {each.book: each for each in trades_by_book(PM, **options)}


class TestTradesByBook:
    def test_counts_what_can_teach_and_why_the_others_cannot(self) -> None:
        record("full")
        record("same entry", cluster_id="e")
        record("again", cluster_id="e")
        record("bare", {})
        record("timed", {"timeframe": "5m"})
        record("excluded", excluded_reason="closed by force")
        record("elsewhere", {"macro_phase": "Good", "universe": "majors@0123456789ab"})
        record("sold", actions=[action_payload(action_category="exit")])
        record("tested", book="backtest", closed_at=NOW.isoformat())

        found = by_book()

        paper, backtest = found["paper"], found["backtest"]
        assert (paper.trades, paper.entries, paper.teaching) == (8, 7, 3)
        assert dict(paper.reasons) == {
            "closed by force": 1,
            Obstacle.NO_OUTCOME: 1,
            Obstacle.NO_SCOPE: 1,
            Obstacle.ONLY_TIMEFRAME: 1,
            Obstacle.OTHER_UNIVERSE: 1,
        }
        assert (paper.is_learned, paper.last_close) == (True, NOW - DAY)
        assert (backtest.trades, backtest.teaching, backtest.is_learned) == (1, 1, False)
        assert backtest.last_close == NOW

    def test_a_position_of_a_better_book_is_counted_there(self) -> None:
        record("tested", book="backtest", entry_id="e")
        record("live", book="live", entry_id="e")

        found = by_book()

        assert (found["live"].teaching, found["backtest"].teaching) == (1, 0)
        assert found["backtest"].reasons[0][0].startswith("the same position is told by a better book")

    def test_takes_the_label_of_the_universe_that_is_learned_from(self) -> None:
        record("own", {"macro_phase": "Good", "universe": "majors@0123456789ab"})

        assert by_book(universe="majors@0123456789ab")["paper"].teaching == 1
        assert by_book()["paper"].teaching == 0

    def test_looks_at_the_newest_trades_alone(self) -> None:
        record("old", book="backtest")
        record("new", closed_at=NOW.isoformat())

        assert list(by_book(newest=1)) == ["paper"]

    def test_of_a_module_without_trades_is_empty(self) -> None:
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

    def test_the_start_page_says_what_each_module_learns_from(self, author: User) -> None:
        record("tested", book="backtest")

        text = page(browser_of(author), "/admin/")

        assert "It learns from paper (no trade); 1 trade of backtest is recorded and not learned from." in text
