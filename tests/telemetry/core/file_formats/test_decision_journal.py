"""Decisions of a bot's journal find their trades: the client writes the lines, the import reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from overrides.client import Journal, Position
from overrides.client.answers import Answer
from telemetry.core.file_formats.decision_journal import (
    NONE,
    OTHER_PATTERN,
    SEVERAL,
    JournalJoin,
    JournalLine,
    read_journal,
    with_decisions,
)
from telemetry.core.file_formats.file_rows import Row
from telemetry.core.file_formats.market_facts import MarketFacts

OPEN = datetime(2026, 11, 1, 10, 3, tzinfo=UTC)
BAR = timedelta(minutes=15)
KEY = "Dip.long.entry"


def decision(number: int) -> str:
    return f"019ab000-0000-7000-8000-{number:012}"


def line(number: int, category: str = "entry", at: datetime = OPEN, **changed: Any) -> JournalLine:
    values: dict[str, Any] = {
        "decision_id": decision(number),
        "pair": "BTC/USDT",
        "side": "long",
        "strategy": "Dip",
        "timeframe": "15m",
        "entry_bar": datetime(2026, 11, 1, 10, tzinfo=UTC),
        "module": "pm",
        "pattern_key": KEY,
        "action_category": category,
        "at": at,
    }
    return JournalLine(**(values | changed))


def trade(*actions: tuple[str, datetime], **changed: Any) -> dict[str, Any]:
    listed = [
        {"module": "pm", "pattern_key": KEY, "action_category": category, "at": at.isoformat()}
        for category, at in actions or [("entry", OPEN)]
    ]
    return {"symbol": "BTC/USDT", "side": "long", "opened_at": OPEN.isoformat(), "actions": listed} | changed


def decisions(payload: Mapping[str, Any]) -> list[list[str]]:
    return [action.get("decision_ids", []) for action in payload["actions"]]


class TestActions:
    def test_get_the_decision_of_their_category_and_bar(self) -> None:
        later = OPEN + 4 * BAR
        journal = [line(1), line(2, "add", later), line(3, "exit", later), line(4, "exit", later + BAR)]

        found, unjoined = with_decisions(trade(("entry", OPEN), ("add", later), ("exit", later + BAR)), journal)

        assert decisions(found) == [[decision(1)], [decision(2)], [decision(4)]]
        assert unjoined == []

    def test_filled_in_the_bar_after_the_question_get_its_decision(self) -> None:
        found, _ = with_decisions(trade(("exit", OPEN + 3 * BAR)), [line(1, "exit", OPEN + 2 * BAR)])

        assert decisions(found) == [[decision(1)]]

    @pytest.mark.parametrize("asked_at", [OPEN + BAR, OPEN - 2 * BAR])
    def test_of_another_bar_get_none(self, asked_at: datetime) -> None:
        found, (unjoined,) = with_decisions(trade(), [line(1, at=asked_at)], place="line 3")

        assert decisions(found) == [[]]
        assert (unjoined.place, unjoined.action_category, unjoined.reason) == ("line 3.actions[0]", "entry", NONE)

    @pytest.mark.parametrize(
        "changed",
        [
            {"pair": "ETH/USDT"},
            {"side": "short"},
            {"strategy": "Rip"},
            {"module": "dm"},
            {"entry_bar": OPEN - BAR},
        ],
    )
    def test_of_another_position_get_none(self, changed: dict[str, Any]) -> None:
        _, (unjoined,) = with_decisions(trade(), [line(1, **changed)], "Dip")

        assert unjoined.reason == NONE

    def test_of_which_several_decisions_were_made_are_named_with_them(self) -> None:
        found, (unjoined,) = with_decisions(trade(), [line(1), line(2)])

        assert decisions(found) == [[]]
        assert (unjoined.reason, unjoined.decision_ids) == (SEVERAL, (decision(1), decision(2)))

    def test_whose_decision_is_written_twice_have_one(self) -> None:
        found, _ = with_decisions(trade(), [line(1), line(1)])

        assert decisions(found) == [[decision(1)]]

    def test_asked_as_another_pattern_are_named(self) -> None:
        _, (unjoined,) = with_decisions(trade(), [line(1, pattern_key="Family.long.entry")])

        assert (unjoined.reason, unjoined.decision_ids) == (OTHER_PATTERN, (decision(1),))

    def test_share_no_decision(self) -> None:
        found, (unjoined,) = with_decisions(trade(("add", OPEN), ("add", OPEN + BAR)), [line(1, "add", OPEN)])

        assert decisions(found) == [[decision(1)], []]
        assert unjoined.place == "actions[1]"

    def test_that_name_decisions_keep_them(self) -> None:
        payload = trade()
        payload["actions"][0]["decision_ids"] = [decision(9)]

        found, unjoined = with_decisions(payload, [line(1)])

        assert (found, unjoined) == (payload, [])

    @pytest.mark.parametrize("changed", [{"opened_at": "noon"}, {"actions": None}, {"actions": [1]}])
    def test_of_a_trade_that_cannot_be_read_are_left_to_the_parser(self, changed: dict[str, Any]) -> None:
        payload = trade(**changed)

        assert with_decisions(payload, [line(1)])[0] | {"actions": None} == payload | {"actions": None}


class TestJoin:
    FACTS = MarketFacts(
        None, "BTC/USDT", False, "Dip", "15m", OPEN, OPEN + BAR, 1.0, 1.0, 1.0, 0.1, 0.1, None, 0.0, 0.0
    )

    def test_counts_what_it_found_and_names_the_rest(self) -> None:
        join = JournalJoin([line(1), line(2, strategy="Rip"), line(3, "exit", OPEN + BAR)])
        rows = [
            Row("line 2", trade(("entry", OPEN), ("exit", OPEN + BAR)), market=self.FACTS),
            Row("line 3", trade(("entry", OPEN), symbol="ETH/USDT")),
            Row("line 4"),
        ]

        found = join(rows)

        assert isinstance(found[0].payload, dict)
        assert decisions(found[0].payload) == [[decision(1)], [decision(3)]]
        assert found[1] is rows[1]
        assert found[2] is rows[2]
        assert (join.joined, join.unjoined, [each.place for each in join.named]) == (
            2,
            {NONE: 1},
            ["line 3.actions[0]"],
        )


class TestJournal:
    def test_of_the_client_is_read(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "journal.jsonl")
        question = {"module": "pm", "pattern_key": KEY, "action_category": "entry", "at": OPEN}
        position = Position("BTC/USDT", "long", "Dip", "15m", OPEN.replace(minute=0))

        journal.write(question, Answer({"size_mult": 1.02}, "SINGLE", decision(1)), position)

        assert read_journal(journal.path.read_text().splitlines()) == ([line(1)], [])

    def test_of_the_client_says_what_was_applied(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "journal.jsonl")
        question = {"module": "pm", "pattern_key": KEY, "action_category": "entry", "at": OPEN}
        position = Position("BTC/USDT", "long", "Dip", "15m", OPEN.replace(minute=0))
        journal.applied(decision(1), {"size_mult": 1.5})
        journal.write(question, Answer({"size_mult": 1.02}, "SINGLE", decision(1)), position)
        journal.applied(decision(1), {"size_mult": 0.9})
        journal.applied(decision(2), {})

        lines, refusals = read_journal(journal.path.read_text().splitlines())
        found, _ = with_decisions(trade(), lines)
        kept, _ = with_decisions(
            trade(actions=[found["actions"][0] | {"decision_ids": [], "applied": {"a": 1.0}}]), lines
        )

        assert (lines, refusals) == ([line(1, applied={"size_mult": 0.9})], [])
        assert found["actions"][0]["applied"] == {"size_mult": 0.9}
        assert (kept["actions"][0]["decision_ids"], kept["actions"][0]["applied"]) == ([decision(1)], {"a": 1.0})

    @pytest.mark.parametrize("applied", [1, {"size_mult": -1}, {"size_mult": "1"}, {"a b": 1}])
    def test_names_what_was_applied_that_cannot_be(self, applied: object) -> None:
        line = json.dumps({"format": 1, "decision_id": decision(1), "applied": applied})

        found, refusals = read_journal([line])

        assert found == []
        assert [each.field.startswith("line 1.applied") for each in refusals] == [True]

    def test_names_the_lines_that_cannot_be_read(self) -> None:
        torn = '{"format": 1, "decision_id": "019'
        strange = (
            '{"format": 1, "decision_id": "x", "pair": "A", "side": "long", "strategy": "S", "timeframe": "5x", '
            '"entry_bar": "2026-11-01T10:00:00Z", "at": "2026-11-01T10:00:00Z", "module": "pm", '
            '"pattern_key": "a.b.c", "action_category": "entry"}'
        )

        found, refusals = read_journal([torn, "", strange, '{"format": 2}', "[]"])

        assert found == []
        assert [each.field for each in refusals] == ["line 1", "line 3.timeframe", "line 4.format", "line 5"]
