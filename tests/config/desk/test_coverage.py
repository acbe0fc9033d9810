"""How much of what bots report can be learned from."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from config.desk.coverage import Coverage, coverage
from overrides.core.engine.definitions.coefficients import LEVER_DIMENSIONS
from overrides.core.engine.definitions.dimensions import LEARNED_DIMENSIONS
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import record_decisions
from telemetry.recording.record_trades import record_trades
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import (
    NOW,
    action_payload,
    decision_ids,
    make_decision,
    make_parameters,
    make_trade,
    publish,
)

pytestmark = pytest.mark.django_db

WHOLE = dict.fromkeys(LEARNED_DIMENSIONS["pm"], "x")


def record(*scopes: dict[str, str], prefix: str = "t") -> None:
    trades = [make_trade(f"{prefix}{i}", actions=[action_payload(scope=scope)]) for i, scope in enumerate(scopes)]
    record_trades(trades, now=NOW)


def counts(of: Coverage) -> dict[str, int]:
    return {share.name: share.count for share in (*of.wholes, *of.dimensions)}


class TestCoverage:
    def test_counts_keys_categories_and_dimensions(self) -> None:
        record(WHOLE, {"bucket": "micro"}, {"bucket": "big", "colour": "red"}, {})

        dm, pm = coverage()

        assert (dm.n, pm.n) == (0, 4)
        found = counts(pm)
        assert (found["pattern key"], found["action category"], found["all 8 learned dimensions"]) == (4, 4, 1)
        assert (found["bucket"], found["macro_phase"], found["A_mode"], found["colour"]) == (3, 1, 0, 1)

    def test_counts_actions_that_were_sent_in_another_scope_than_asked(self, admin_user: User) -> None:
        decision = make_decision()
        record_decisions([decision])
        named = action_payload(scope={"bucket": "large"}, decision_ids=decision_ids(decision))
        record_trades([make_trade("t", actions=[named, action_payload()])], now=NOW)
        attribute_trades(now=NOW)

        assert [each.asked_otherwise for each in coverage()] == [0, 1]
        shown = page(browser_of(admin_user), "/admin/coverage/")
        assert "sent with another scope than its decision was asked for" in " ".join(shown.split())

    def test_says_which_dimensions_are_not_learned_from(self) -> None:
        record({"colour": "red"})

        notes = {share.name: share.note for share in coverage()[1].dimensions}

        assert (notes["bucket"], notes["A_mode"]) == ("", "recorded only")
        assert notes["colour"] == "not known to the module: ignored"

    def test_calls_no_dimension_that_a_coefficient_is_learned_from_unknown(self) -> None:
        scope = dict.fromkeys(LEVER_DIMENSIONS.values(), "x")
        allocation = {
            "module": "dm",
            "pattern_key": "dm_pattern.allocation.allocation",
            "action_category": "allocation",
        }
        record_trades([make_trade("t", actions=[action_payload(scope=scope, **allocation)])], now=NOW)

        notes = {share.name: share.note for share in coverage()[0].dimensions}

        assert {notes[name] for name in scope} == {"", "learned by a coefficient only"}
        assert notes["timeframe"] == "learned by a coefficient only"

    def test_counts_the_books_that_the_module_learns_from(self) -> None:
        record({"bucket": "micro"}, {})
        tried = [make_trade(f"b{i}", book="backtest", actions=[action_payload(scope={})]) for i in range(3)]
        record_trades(tried, now=NOW)

        _, pm = coverage()

        assert (pm.books, pm.n, counts(pm)["bucket"]) == (("paper",), 2, 1)

    def test_shows_own_dimensions_and_the_label_of_a_universe(self) -> None:
        session = {"name": "session", "kind": "category", "cuts": [], "meaning": "Trading session.", "learned": True}
        publish(parameters=make_parameters(own_dimensions=[session]))
        record({"session": "asia", "universe": "majors@000000000000"})

        _, pm = coverage()

        notes = {share.name: share.note for share in pm.dimensions}
        assert notes["session"] == "own dimension, learned from: Trading session."
        assert "not learned from" in notes["universe"]
        assert [share.name for share in pm.wholes][-1] == "all 9 learned dimensions"

    def test_looks_at_the_newest_actions_only(self) -> None:
        record({"bucket": "micro"}, {"bucket": "micro"}, prefix="old")
        record({}, prefix="new")

        _, pm = coverage(window=2)

        assert (pm.n, counts(pm)["bucket"]) == (2, 1)

    def test_looks_for_them_among_so_many_of_all_modules(self) -> None:
        record({"bucket": "micro"}, {"bucket": "micro"}, {"bucket": "micro"})

        assert [each.n for each in coverage(looked_through=2)] == [0, 2]

    def test_has_a_share_of_nothing_where_there_is_nothing(self) -> None:
        assert {share.percent for each in coverage() for share in each.dimensions} == {0.0}


class TestCoveragePage:
    def test_draws_bars_with_numbers(self, author: User, django_assert_max_num_queries: Any) -> None:
        record({"bucket": "micro"}, {"bucket": "micro"}, {}, {})
        browser = browser_of(author)

        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, "/admin/coverage/")

        assert "pm: n =" in text
        assert 'class="cw-bar" width="100.0"' in text
        assert '<span class="cw-num">50.0</span>' in text
        assert "No action of dm" in text
        assert "the actions of trades in book paper, which pm learns from" in text

    def test_is_reached_from_the_first_page(self, author: User) -> None:
        assert 'href="/admin/coverage/"' in page(browser_of(author), "/admin/")

    def test_needs_the_permission(self, author: User) -> None:
        client = Client()
        client.force_login(author)

        assert client.get("/admin/coverage/").status_code == 403
        assert "/admin/coverage/" not in client.get("/admin/").content.decode()
        assert Client().get("/admin/coverage/")["Location"].startswith("/admin/login/")
