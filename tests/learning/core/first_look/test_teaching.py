"""Which trades can teach: each once, each position in its best book, and every other trade with its reason."""

from __future__ import annotations

from typing import Any

from learning.core.first_look.teaching import Obstacle, distinct, of_universe, teaching_of, universe_of
from telemetry.core.trades import Trade
from tests.builders import action_payload, make_correction, make_trade

DIMENSIONS = ("macro_phase", "bucket", "timeframe")


def trade(external_id: str, scope: dict[str, str] | None = None, **over: Any) -> Trade:
    return make_trade(external_id, actions=[action_payload(scope={} if scope is None else scope)], **over)


class TestDistinct:
    def test_keeps_a_trade_once_in_its_newest_revision(self) -> None:
        first, corrected = make_trade("a"), make_correction("a", rr=9.0)

        found = distinct([first, corrected, first, make_trade("b")])

        assert [(each.external_id, each.rr) for each in found.trades] == [("a", 9.0), ("b", 1.5)]
        assert (found.repeated, found.superseded) == (2, 0)

    def test_keeps_a_position_in_its_best_book(self) -> None:
        told = [make_trade(book, book=book, entry_id="e") for book in ("backtest", "live", "dry", "paper")]

        found = distinct([*told, make_trade("alone", book="backtest")])

        assert [each.external_id for each in found.trades] == ["live", "paper", "alone"]
        assert found.superseded == 2


class TestTeachingOf:
    def test_gives_each_trade_that_cannot_teach_one_reason(self) -> None:
        trades = [
            trade("full", {"macro_phase": "Good"}),
            trade("again", {"macro_phase": "Good"}, cluster_id="one"),
            trade("and again", {"macro_phase": "Good"}, cluster_id="one"),
            trade("bare"),
            trade("stranger", {"mood": "fine"}),
            trade("timed", {"timeframe": "5m"}),
            trade("forced", excluded_reason="closed by force"),
            make_trade("sold", actions=[action_payload(action_category="exit", scope={"macro_phase": "Good"})]),
            make_trade("of dm", actions=[action_payload(module="dm", action_category="allocation")]),
        ]

        found = teaching_of(trades, "pm", DIMENSIONS)

        assert (found.trades, found.entries, found.full) == (8, 7, 3)
        assert found.obstacles == {Obstacle.NO_SCOPE: 2, Obstacle.ONLY_TIMEFRAME: 1, Obstacle.NO_OUTCOME: 1}
        assert found.excluded == {"closed by force": 1}
        assert found.trades == found.full + sum(found.obstacles.values()) + sum(found.excluded.values())
        assert (found.actions, found.present) == (6, {"macro_phase": 3, "mood": 1, "timeframe": 1})

    def test_leaves_out_what_names_another_universe_than_most(self) -> None:
        named = [trade(str(number), {"bucket": "large", "universe": label}) for number, label in enumerate("aab")]
        trades = [*named, trade("unnamed", {"bucket": "large"})]

        assert universe_of(trades, "pm") == "a"
        assert [each.external_id for each in of_universe(trades, "pm", "a")] == ["0", "1", "unnamed"]
        assert teaching_of(trades, "pm", DIMENSIONS).obstacles == {Obstacle.OTHER_UNIVERSE: 1}
        assert universe_of([], "pm") == ""
