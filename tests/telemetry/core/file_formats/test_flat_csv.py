from __future__ import annotations

import json
from typing import Any

import pytest

from telemetry.core.trades import parse_trade
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.refusal import Refused
from tests.telemetry.core.builders import DECISION, NOW, OTHER_DECISION, full_payload
from tests.telemetry.core.file_formats.builders import CLOSED, COLUMNS, OPENED, payload, refusal, rows, table

FILE = "file"
KEY = "donchian.long.breakout"


def flat(**cells: str) -> dict[str, Any]:
    return payload(table({**COLUMNS, **cells}))


def refusals(**cells: str) -> dict[str, str]:
    """Return the messages of a row's refusals by the file's column names."""
    (row,) = rows(table({**COLUMNS, **cells}))
    with pytest.raises(Refused) as caught:
        parse_trade(row.payload, now=NOW)
    return {each.field: each.message for each in row.in_its_words(caught.value)}


class TestReadFlat:
    def test_makes_a_trade_with_its_entry(self) -> None:
        assert flat(**{"scope.bucket": "micro", "scope.rank": ""}) == {
            "external_id": "t1", "symbol": "BTC/USDT", "opened_at": OPENED, "closed_at": CLOSED, "rr": 1.5,
            "book": "paper", "source": None,
            "actions": [
                {"module": "pm", "pattern_key": KEY, "action_category": "entry", "at": OPENED,
                 "scope": {"bucket": "micro"}},
            ],
        }  # fmt: skip

    def test_makes_every_trade_that_json_lines_make_of_one_entry(self) -> None:
        cells = {
            "revision": "2", "correction_reason": "the fee was wrong", "book": "live", "source": "x", "side": "long",
            "timeframe": "1h", "cluster_id": "c", "excluded_reason": "outage", "fraction": "0.5", "leg_rr": "-1",
            "decision_ids": f"{DECISION} {OTHER_DECISION}",
        }  # fmt: skip

        trade = parse_trade(flat(**cells), now=NOW)

        assert (trade.revision, trade.correction_reason, trade.book, trade.source) == (
            2,
            "the fee was wrong",
            "live",
            "x",
        )
        assert (trade.side, trade.timeframe, trade.cluster_id, trade.excluded_reason) == ("long", "1h", "c", "outage")
        (entry,) = trade.actions
        assert (entry.fraction, entry.leg_rr, entry.decision_ids) == (0.5, -1.0, (DECISION, OTHER_DECISION))

    def test_adds_trim_and_exit_where_their_columns_are_filled(self) -> None:
        found = flat(**{
            "scope.bucket": "micro", "trim.at": "2024-05-01T12:00:00Z", "trim.fraction": "0.25", "trim.rr_after": "0",
            "exit.rr_after": "-0.5", "exit.scope.bucket": "mid",
        })  # fmt: skip

        entry, trim, close = found["actions"]
        assert entry["action_category"] == "entry"
        assert trim == {
            "module": "pm", "pattern_key": KEY, "action_category": "trim", "at": "2024-05-01T12:00:00Z",
            "fraction": 0.25, "rr_after": 0.0, "scope": {"bucket": "micro"},
        }  # fmt: skip
        assert close == {
            "module": "pm", "pattern_key": KEY, "action_category": "exit", "at": CLOSED, "rr_after": -0.5,
            "scope": {"bucket": "mid"},
        }  # fmt: skip
        assert len(flat(**{"exit.at": ""})["actions"]) == 1

    def test_takes_the_levers_that_each_action_applied(self) -> None:
        cells = {
            "applied.size_mult": "0.9", "applied.entry_delay_bars": "", "trim.at": "2024-05-01T12:00:00Z",
            "trim.applied.size_mult": "1.5", "exit.at": "", "exit.applied.trail_mult": "1",
        }  # fmt: skip

        trade = parse_trade(flat(**cells), now=NOW)

        assert [action.applied for action in trade.actions] == [
            {"size_mult": 0.9},
            {"size_mult": 1.5},
            {"trail_mult": 1.0},
        ]

    @pytest.mark.parametrize("cell", ["a", "-1", "nan"])
    def test_names_the_column_of_a_lever_that_cannot_have_been_applied(self, cell: str) -> None:
        assert [*refusals(**{"applied.size_mult": cell})] == ["applied.size_mult"]
        assert [*refusals(**{"exit.applied.trail_mult": cell})] == ["exit.applied.trail_mult"]

    def test_takes_when_the_results_of_each_action_were_known(self) -> None:
        at = [f"2024-05-0{day}T10:00:00Z" for day in (3, 4, 5)]
        cells = {"known_at": at[0], "trim.at": "2024-05-01T12:00:00Z", "trim.known_at": at[1], "exit.known_at": at[2]}

        found = flat(**cells)

        assert [action["known_at"] for action in found["actions"]] == at
        assert [utc_text(each.known_at or NOW) for each in parse_trade(found, now=NOW).actions] == at
        early = dict.fromkeys(("known_at", "exit.known_at"), "2024-01-01T00:00:00Z")
        assert list(refusals(**cells | early)) == ["known_at", "exit.known_at"]
        assert list(refusals(**{"exit.known_at": "2024-06-02T00:00:00Z"})) == ["exit.known_at"]

    def test_takes_an_allocation_for_the_module_that_allocates(self) -> None:
        (action,) = flat(module="dm", pattern_key="dm_pattern.allocation.allocation")["actions"]

        assert (action["module"], action["action_category"]) == ("dm", "allocation")

    def test_takes_a_list_of_actions_in_place_of_their_columns(self) -> None:
        trade = full_payload()
        cells = {name: str(value) for name, value in trade.items() if name != "actions"}
        quoted = '"' + json.dumps(trade["actions"]).replace('"', '""') + '"'

        found = payload(table({**cells, "actions": quoted}))

        assert parse_trade(found, now=NOW).digest == parse_trade(trade, now=NOW).digest

    def test_names_columns_when_the_reader_of_trades_refuses(self) -> None:
        cells = {
            "rr": "1e999",
            "fraction": "2",
            "trim.rr_after": "much",
            "exit.at": "2025-01-01T00:00:00Z",
        }

        assert list(refusals(**cells)) == ["rr", "fraction", "trim.at", "trim.rr_after", "exit.at"]

    def test_names_the_column_of_a_dimension(self) -> None:
        assert list(refusals(**{"scope.9": "x"})) == ["scope.9"]

    def test_counts_the_trim_or_exit_that_is_there(self) -> None:
        assert list(refusals(**{"exit.rr_after": "nan"})) == ["exit.rr_after"]

    def test_refuses_a_row_of_another_length_and_reads_on(self) -> None:
        short, good = rows(table(COLUMNS) + b",surplus\n" + table(COLUMNS).partition(b"\n")[2])

        assert refusal(short) == ("line 2", "", "has 7 cells where the header has 6; quote cells that hold commas")
        assert good.place == "line 3"

    def test_refuses_actions_that_are_no_json(self) -> None:
        columns = {name: cell for name, cell in COLUMNS.items() if name != "pattern_key"}

        (row,) = rows(table({**columns, "actions": "[{"}))

        assert refusal(row)[:2] == ("line 2", "actions")


class TestRefuseHeader:
    @pytest.mark.parametrize("missing", ["symbol", "opened_at", "closed_at", "rr", "pattern_key"])
    def test_names_a_missing_column(self, missing: str) -> None:
        (row,) = rows(table(COLUMNS, columns=[name for name in COLUMNS if name != missing]))

        assert refusal(row)[:2] == (FILE, missing)

    @pytest.mark.parametrize("name", ["colour", "exit.fractions", "trim.", "scope"])
    def test_names_an_unknown_column(self, name: str) -> None:
        (row,) = rows(table({**COLUMNS, name: "x"}))

        place, field, message = refusal(row)
        assert (place, field) == (FILE, name)
        assert message.startswith("unknown column; known are external_id")

    def test_refuses_columns_of_actions_beside_their_list(self) -> None:
        (row,) = rows(table({**COLUMNS, "actions": "[]"}))

        assert refusal(row) == (FILE, "pattern_key", "stands beside actions, which replaces it; leave it out")

    def test_refuses_a_column_that_comes_twice(self) -> None:
        (row,) = rows(b"external_id,rr,rr\n")

        assert refusal(row) == (FILE, "rr", "the header names this column twice; name each once")

    def test_says_what_a_foreign_header_lacks(self) -> None:
        (row,) = rows(b"ts;price\n1;2\n")

        place, field, message = refusal(row)
        assert (place, field) == (FILE, "external_id")
        assert message.startswith("the header begins 'ts;price' and names neither external_id (our CSV) nor pair")


class TestScopeCells:
    @pytest.mark.parametrize(
        ("cell", "value"),
        [
            ("True", True), ("true", True), ("FALSE", False), ("1.0", 1.0), ("-0.5", -0.5), ("0.50", 0.5),
            ("1", "1"), ("1.2.3", "1.2.3"), ("007.5", "007.5"), ("1e3", "1e3"), ("micro", "micro"),
        ],
    )  # fmt: skip
    def test_mean_what_json_means(self, cell: str, value: object) -> None:
        assert flat(**{"scope.bucket_leader": cell})["actions"][0]["scope"] == {"bucket_leader": value}

    def test_become_the_scope_of_the_api(self) -> None:
        payload = flat(**{"scope.bucket_leader": "True", "scope.bucket_rank_position": "1.0"})

        scope = parse_trade(payload, now=NOW).actions[0].scope

        assert scope == {"bucket_leader": "true", "bucket_rank_position": "1"}
