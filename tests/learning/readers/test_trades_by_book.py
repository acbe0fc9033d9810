"""How many recorded trades of each book can teach a module, and why the others cannot."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from learning.core.first_look.teaching import Obstacle
from learning.readers.trades_by_book import BookOfModule, trades_by_book
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, NOW, action_payload, make_trade

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
            Obstacle.NO_UNIVERSE: 1,
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
        assert dict(by_book()["paper"].reasons) == {Obstacle.NO_UNIVERSE: 1}
        assert dict(by_book(universe="others@0123456789ab")["paper"].reasons) == {Obstacle.FOREIGN_UNIVERSE: 1}

    def test_looks_at_the_newest_trades_alone(self) -> None:
        record("old", book="backtest")
        record("new", closed_at=NOW.isoformat())

        assert list(by_book(newest=1)) == ["paper"]

    def test_needs_no_statistics_of_the_tables(self) -> None:
        record("full")
        with CaptureQueriesContext(connection) as captured:
            by_book()
        with connection.cursor() as cursor:
            cursor.execute(captured[0]["sql"].replace("WITH newest", "EXPLAIN WITH newest"))
            cursor.nextset()
            plan = [line for (line,) in cursor.fetchall()]
            cursor.execute("SHOW enable_nestloop")
            after = cursor.fetchone()

        assert "CTE newest" in map(str.strip, plan)
        assert not [line for line in plan if "Nested Loop" in line]
        assert after == ("on",)
