from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from telemetry.core.file_formats.exclusions import FORCED, NO_BARS
from telemetry.core.file_formats.file_rows import Row
from telemetry.core.file_formats.market_facts import Fill, MarketFacts
from telemetry.core.market_context.bars import Bars
from telemetry.core.market_context.dimensions import OPT_IN_DIMENSIONS, PM_DIMENSIONS
from telemetry.core.market_context.pair_history import PairHistory
from telemetry.core.market_context.universe import Universe
from telemetry.core.trades import parse_trade
from telemetry.core.unit_of_risk import Unit
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.refusal import Refused
from telemetry.recording import market_context
from telemetry.recording.bar_files import BarFolder
from telemetry.recording.bar_results import ENDED, NO_DELAYS, NO_RISK, OTHER_ORDERS
from telemetry.recording.market_context import OTHER_PRICES, BarsContext, risk_of
from tests.telemetry.core.market_context.builders import FIRST, random_bars
from tests.telemetry.recording.data_folders import write_bars

DAYS = 40
PAIRS = [random_bars(seed, DAYS * 24, symbol=f"P{seed}/USDT") for seed in range(4)]
START = datetime.fromtimestamp(FIRST, UTC)
OPENED = START + timedelta(days=35)
NOW = START + timedelta(days=400)
FACTS = MarketFacts(
    exchange="binance",
    pair="P0/USDT",
    is_short=False,
    strategy="S",
    timeframe="1h",
    opened_at=OPENED,
    closed_at=OPENED,
    open_rate=100.0,
    close_rate=101.0,
    leverage=1.0,
    profit_ratio=0.03,
    stop_ratio=0.99,
    stop_is_custom=None,
    fee_open=0.0,
    fee_close=0.0,
)


@pytest.fixture
def folder(tmp_path: Path) -> BarFolder:
    for bars in PAIRS:
        write_bars(tmp_path, bars)
    return BarFolder(tmp_path)


def price_at(bars: Bars, at: datetime) -> float:
    return float(bars.open[np.searchsorted(bars.time, int(at.timestamp()))])


def row_of(pair: str = "P0/USDT", opened: datetime = OPENED, hours: int = 30, **over: Any) -> Row:
    """Return a freqtrade trade as the importer reads it, without orders, measured by 2 ATR."""
    closed = opened + timedelta(hours=hours)
    bars = next((each for each in PAIRS if each.symbol == pair), PAIRS[0])
    open_rate = price_at(bars, opened)
    facts = replace(FACTS, pair=pair, opened_at=opened, closed_at=closed, **{"open_rate": open_rate, **over})
    moves = [("entry", facts.opened_at), ("exit", facts.closed_at)]
    if facts.fills:
        adds = [("add", fill.at) for fill in facts.fills[1:] if fill.is_entry]
        sales = [("trim", fill.at) for fill in facts.fills[:-1] if not fill.is_entry]
        moves[1:1] = sorted(adds + sales, key=lambda move: move[1])
    action = {"module": "pm", "pattern_key": "S.long.entry", "scope": {"timeframe": facts.timeframe}}
    payload = {
        "external_id": "t1",
        "symbol": pair,
        "side": "long",
        "opened_at": utc_text(facts.opened_at),
        "closed_at": utc_text(facts.closed_at),
        "rr": None,
        "excluded_reason": NO_BARS,
        "actions": [{**action, "action_category": name, "at": utc_text(at)} for name, at in moves],
    }
    return Row("row 1", payload, market=facts, unit=Unit.ATR)


def payload_of(row: Row) -> dict[str, Any]:
    assert isinstance(row.payload, dict)
    return row.payload


def action_of(row: Row, category: str) -> dict[str, Any]:
    (found,) = [each for each in payload_of(row)["actions"] if each["action_category"] == category]
    assert isinstance(found, dict)
    return found


class TestRows:
    def test_gain_scopes_results_and_replays_that_recording_accepts(self, folder: BarFolder) -> None:
        context = BarsContext(folder)

        (row,) = context([row_of()])

        entry, sale = action_of(row, "entry"), action_of(row, "exit")
        assert set(entry["scope"]) == {*PM_DIMENSIONS, *OPT_IN_DIMENSIONS, "universe"}
        assert entry["taken_arms"] == {"entry_delay_bars": "0"}
        assert entry["replays"]["entry_delay_bars"]["0"] == payload_of(row)["rr"]
        assert sale["known_at"] == utc_text(OPENED + timedelta(hours=30 + 25))
        trade = parse_trade(row.payload, now=NOW)
        assert trade.excluded_reason is None
        assert trade.actions[1].rr_after == sale["rr_after"]

    def test_keep_the_payload_they_came_with_unchanged(self, folder: BarFolder) -> None:
        before = row_of()
        scope = dict(payload_of(before)["actions"][0]["scope"])

        BarsContext(folder)([before])

        assert payload_of(before)["rr"] is None
        assert payload_of(before)["actions"][0]["scope"] == scope

    def test_are_measured_by_two_atr_of_one_hour_at_entry(self, folder: BarFolder) -> None:
        (row,) = BarsContext(folder)([row_of(leverage=3.0)])

        atr = PairHistory("P0/USDT", PAIRS[:1]).atr(int(OPENED.timestamp()))
        open_rate = price_at(PAIRS[0], OPENED)
        assert payload_of(row)["rr"] == pytest.approx(0.03 / (3 * 2 * atr / open_rate), rel=1e-12)

    def test_measured_by_their_stop_keep_their_rr(self, folder: BarFolder) -> None:
        row = row_of(stop_ratio=0.1)
        row = replace(row, unit=Unit.STOP, payload={**payload_of(row), "rr": 0.3, "excluded_reason": None})

        (found,) = BarsContext(folder)([row])

        assert payload_of(found)["rr"] == 0.3
        assert action_of(found, "entry")["replays"]["entry_delay_bars"]["0"] == 0.3

    def test_closed_by_force_stay_excluded(self, folder: BarFolder) -> None:
        row = row_of()
        row = replace(row, payload={**payload_of(row), "excluded_reason": FORCED})

        (found,) = BarsContext(folder)([row])

        assert payload_of(found)["excluded_reason"] == FORCED

    def test_without_bars_of_their_pair_have_the_market_and_no_unit_of_risk(self, folder: BarFolder) -> None:
        context = BarsContext(folder)

        (row,) = context([row_of(pair="NEW/USDT")])

        assert payload_of(row)["excluded_reason"] == NO_BARS
        assert "macro_phase" in action_of(row, "entry")["scope"]
        assert context.report.missing["trade", "rr", NO_RISK] == 1
        assert context.report.missing["entry", "trend", "there are no bars of the pair"] == 1

    def test_take_nothing_of_their_pair_from_bars_with_other_prices(self, folder: BarFolder) -> None:
        context = BarsContext(folder)

        (row,) = context([row_of(open_rate=1000.0 * price_at(PAIRS[0], OPENED))])

        assert context.report.missing["trade", "bars", OTHER_PRICES] == 1
        assert payload_of(row)["excluded_reason"] == NO_BARS
        assert "trend" not in action_of(row, "entry")["scope"]

    def test_without_prices_pass_as_they_are(self, folder: BarFolder) -> None:
        context = BarsContext(folder)
        rows = [Row("row 1", {"external_id": "a"}), Row("row 2")]

        assert context(rows) == rows
        assert (context.report.rows, context.report.without_prices) == (2, 2)

    def test_keep_what_the_file_itself_says(self, folder: BarFolder) -> None:
        row = row_of()
        payload_of(row)["actions"][0]["scope"] = {"timeframe": "1h", "trend": "sideways", "bucket": "own"}
        payload_of(row)["actions"][1] |= {"rr_after": 9.0}

        (found,) = BarsContext(folder)([row])

        scope = action_of(found, "entry")["scope"]
        assert (scope["trend"], scope["bucket"]) == ("sideways", "own")
        assert "universe" not in scope
        assert "macro_phase" not in scope
        assert action_of(found, "exit")["rr_after"] == 9.0

    def test_come_back_in_their_order(self, folder: BarFolder) -> None:
        rows = [replace(row_of(pair=f"P{number}/USDT"), place=f"row {number}") for number in (2, 0, 3, 1, 0)]

        assert [row.place for row in BarsContext(folder)(rows)] == [row.place for row in rows]

    def test_are_alike_whether_or_not_bars_are_kept_in_memory(
        self, folder: BarFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = [row_of(pair=f"P{number}/USDT") for number in (0, 1, 0, 2)]
        kept = BarsContext(folder)(rows)
        monkeypatch.setattr(market_context, "CACHED_BARS", 1)

        assert BarsContext(folder)(rows) == kept


class TestOrders:
    def fills(self) -> tuple[Fill, ...]:
        hours = [(0, True, 1.0), (10, True, 1.0), (20, False, 0.5), (30, False, 1.5)]
        return tuple(
            Fill(at := OPENED + timedelta(hours=hour), is_entry, price_at(PAIRS[0], at), amount)
            for hour, is_entry, amount in hours
        )

    def test_give_a_leg_to_an_add_and_what_followed_to_a_trim(self, folder: BarFolder) -> None:
        prices = [fill.price for fill in self.fills()]
        open_rate = (prices[0] + prices[1]) / 2

        (row,) = BarsContext(folder)([row_of(fills=self.fills(), open_rate=open_rate)])

        risk = 2 * PairHistory("P0/USDT", PAIRS[:1]).atr(int(OPENED.timestamp()))
        sold = 0.25 * prices[2] + 0.75 * prices[3]
        assert action_of(row, "add")["leg_rr"] == pytest.approx((sold - prices[1]) / risk, abs=1e-6)
        assert action_of(row, "trim")["rr_after"] == pytest.approx((prices[3] - prices[2]) / risk, abs=1e-6)
        assert "known_at" not in action_of(row, "trim")

    def test_that_are_not_the_actions_are_not_guessed(self, folder: BarFolder) -> None:
        row = row_of(fills=self.fills())
        payload_of(row)["actions"] = [each for each in payload_of(row)["actions"] if each["action_category"] != "entry"]
        payload_of(row)["actions"] += [{**payload_of(row)["actions"][0]}]
        context = BarsContext(folder)

        context([row])

        assert context.report.missing["add", "leg_rr", OTHER_ORDERS] == 2


class TestReport:
    def test_names_what_is_missing_and_why(self, folder: BarFolder) -> None:
        context = BarsContext(folder)

        context([row_of(opened=START + timedelta(days=3)), row_of(opened=START + timedelta(days=39), hours=20)])

        report = context.report
        assert report.share("entry", "macro_phase") == 0.5
        assert report.missing["entry", "macro_phase", "needs 720 hours of the market"] == 1
        assert report.share("entry", "market_family") == 1.0
        assert report.missing["exit", "rr_after", ENDED] == 1
        assert report.share("entry", "replays") == 1.0
        assert np.isnan(report.share("trim", "rr_after"))

    def test_says_why_an_entry_has_no_replays(self, folder: BarFolder) -> None:
        context = BarsContext(folder)

        context([row_of(open_rate=0.7 * price_at(PAIRS[0], OPENED))])

        assert context.report.missing["entry", "replays", NO_DELAYS] == 1


class TestRemarks:
    def test_tell_what_was_mended_and_what_is_not_used(self, folder: BarFolder) -> None:
        write_bars(folder.path, PAIRS[1].where(np.arange(len(PAIRS[1])) != 5))
        (folder.path / "BAD_USDT-1h.json").write_text("nonsense")
        context = BarsContext(BarFolder(folder.path))

        context([row_of(open_rate=1e6)])

        unused, foreign, mended = context.remarks
        assert unused.startswith("Not used: BAD_USDT-1h.json: cannot be read as bars")
        assert foreign.startswith("Bars of the pair gave nothing to 1 trade: the prices")
        assert mended == "P1_USDT-1h.feather: gaps: 1, bars missing: 1."

    def test_name_ten_files_and_count_the_others(self, folder: BarFolder) -> None:
        context = BarsContext(folder)
        folder.notes |= {f"{number:02}": ["gaps: 2, bars missing: 3"] for number in range(12)}

        assert context.remarks[9:] == [
            "09: gaps: 2, bars missing: 3.",
            "2 more files of bars with gaps or mended rows.",
        ]


class TestUniverse:
    def test_is_all_pairs_of_the_folder_unless_it_is_named(self, folder: BarFolder) -> None:
        three = Universe.of("three", ["P0/USDT", "P1/USDT", "P2/USDT"])

        (all_of_it,) = BarsContext(folder, name="mine")([row_of()])
        (named,) = BarsContext(folder, three)([row_of()])

        expected = Universe.of("mine", [bars.symbol for bars in PAIRS]).label
        assert action_of(all_of_it, "entry")["scope"]["universe"] == expected
        assert action_of(named, "entry")["scope"]["universe"] == three.label

    def test_is_refused_where_bars_of_it_are_missing(self, folder: BarFolder) -> None:
        with pytest.raises(Refused, match=r"universe four: no bars of X/USDT; download them, or name another universe"):
            BarsContext(folder, Universe.of("four", ["P0/USDT", "X/USDT"]))([row_of()])

    def test_leaves_out_a_pair_whose_file_cannot_be_read_and_tells_it(self, folder: BarFolder) -> None:
        (folder.path / "BAD_USDT-1h.json").write_text("nonsense")
        context = BarsContext(BarFolder(folder.path))

        market = context.market

        assert market is not None
        assert "BAD/USDT" not in market.universe.pairs
        assert list(context.unreadable) == ["BAD/USDT 1h"]
        with pytest.raises(Refused, match=r"BAD_USDT-1h\.json"):
            BarsContext(BarFolder(folder.path), Universe.of("all", ["P0/USDT", "BAD/USDT"]))([row_of()])


class TestRisk:
    def test_is_two_atr_but_at_least_four_thousandths_of_the_price(self) -> None:
        row = row_of(open_rate=100.0)

        assert (risk_of(row, 1.0), risk_of(row, 0.1), risk_of(row, float("nan"))) == (0.02, 0.004, None)

    def test_is_the_stop_without_the_leverage_that_magnifies_it(self) -> None:
        row = replace(row_of(stop_ratio=0.3, leverage=3.0), unit=Unit.STOP)

        assert risk_of(row, 1.0) is None
        assert risk_of(replace(row, payload={**payload_of(row), "rr": 1.0}), 1.0) == pytest.approx(0.1)


class TestFinerBars:
    def test_give_the_same_market_as_the_hours_made_of_them(self, tmp_path: Path) -> None:
        for bars in PAIRS:
            steps = np.arange(12 * len(bars))
            five = {name: np.repeat(getattr(bars, name), 12) for name in ("open", "high", "low", "close", "volume")}
            write_bars(tmp_path / "5m", Bars(bars.symbol, "5m", FIRST + 300 * steps, **five))
            write_bars(tmp_path / "1h", bars)

        (fine,), (coarse,) = (BarsContext(BarFolder(tmp_path / name))([row_of()]) for name in ("5m", "1h"))

        names = ("macro_phase", "meso_phase", "micro_phase", "bucket_leader", "bucket", "universe", "trend")
        of_fine, of_coarse = action_of(fine, "entry")["scope"], action_of(coarse, "entry")["scope"]
        assert [of_fine[name] for name in names] == [of_coarse[name] for name in names]
