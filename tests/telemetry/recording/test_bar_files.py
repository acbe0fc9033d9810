from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from telemetry.core.market_context.bars import Bars, resample
from telemetry.foundation.core.refusal import Refused
from telemetry.recording.bar_files import BarFolder
from tests.telemetry.core.market_context.builders import FIRST, random_bars
from tests.telemetry.recording.data_folders import WRITERS, write_bars

COLUMNS = ("time", "open", "high", "low", "close", "volume")
SPOT = random_bars(1, 50, symbol="BTC/USDT")


def assert_same(found: Bars, expected: Bars) -> None:
    assert (found.symbol, found.timeframe) == (expected.symbol, expected.timeframe)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), strict=True)


def spoil(bars: Bars, name: str, values: Any) -> Bars:
    return replace(bars, **{name: values})


class TestKindsOfFiles:
    @pytest.mark.parametrize("kind", list(WRITERS))
    def test_are_read_to_the_last_digit(self, tmp_path: Path, kind: str) -> None:
        write_bars(tmp_path, SPOT, kind)

        folder = BarFolder(tmp_path)

        assert folder.pairs == ("BTC/USDT",)
        assert_same(folder.read("BTC/USDT", "1h"), SPOT)
        assert folder.notes == {}

    def test_of_futures_lie_in_a_folder_of_their_own(self, tmp_path: Path) -> None:
        future = replace(SPOT, symbol="BTC/USDT:USDT")
        write_bars(tmp_path, future)
        write_bars(tmp_path, SPOT)
        (tmp_path / "futures" / "BTC_USDT_USDT-8h-funding_rate.feather").write_bytes(b"no bars")
        (tmp_path / "futures" / "BTC_USDT_USDT-1h-mark.feather").write_bytes(b"no bars")

        folder = BarFolder(tmp_path)

        assert folder.pairs == ("BTC/USDT", "BTC/USDT:USDT")
        assert_same(folder.read("BTC/USDT:USDT", "1h"), future)

    def test_need_pyarrow_for_feather_and_say_what_to_do_without(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_bars(tmp_path / "arrow", SPOT)
        write_bars(tmp_path / "plain", SPOT, "json")
        monkeypatch.setitem(sys.modules, "pyarrow", None)

        with pytest.raises(Refused, match=r"BTC_USDT-1h.feather: needs pyarrow.*freqtrade convert-data"):
            BarFolder(tmp_path / "arrow")
        assert_same(BarFolder(tmp_path / "plain").read("BTC/USDT", "1h"), SPOT)

    def test_of_one_pair_in_two_formats_count_once(self, tmp_path: Path) -> None:
        write_bars(tmp_path, SPOT, "json")
        write_bars(tmp_path, SPOT, "feather")

        assert_same(BarFolder(tmp_path).read("BTC/USDT", "1h"), SPOT)

    @pytest.mark.parametrize("unit", [1, 1_000, 1_000_000])
    def test_tell_times_in_any_unit(self, tmp_path: Path, unit: int) -> None:
        rows = np.column_stack([SPOT.time * unit, *(getattr(SPOT, name) for name in COLUMNS[1:])]).tolist()
        (tmp_path / "BTC_USDT-1h.json").write_text(json.dumps(rows))

        assert_same(BarFolder(tmp_path).read("BTC/USDT", "1h"), SPOT)

    def test_may_be_csv_with_a_column_of_epoch_milliseconds(self, tmp_path: Path) -> None:
        lines = [f"{time * 1000},1,2,0.5,1.5,9,ignored" for time in SPOT.time.tolist()]
        text = "\n".join(["timestamp,open,high,low,close,volume,trades", *lines])
        (tmp_path / "BTC_USDT-1h.csv").write_text(text, encoding="utf-8-sig")

        bars = BarFolder(tmp_path).read("BTC/USDT", "1h")

        assert bars.time.tolist() == SPOT.time.tolist()
        assert set(bars.close) == {1.5}


class TestFolder:
    def test_knows_the_timeframe_from_which_another_is_read(self, tmp_path: Path) -> None:
        for timeframe in ("5m", "1h", "1d"):
            write_bars(tmp_path, replace(SPOT, timeframe=timeframe, time=FIRST + 86_400 * np.arange(len(SPOT))))
        folder = BarFolder(tmp_path)

        nearest = [folder.nearest("BTC/USDT", name) for name in ("1m", "5m", "30m", "1h", "4h", "1d", "1w")]

        assert folder.timeframes("BTC/USDT") == ("5m", "1h", "1d")
        assert nearest == [None, "5m", "5m", "1h", "1h", "1d", None]
        assert folder.nearest("ETH/USDT", "1h") is None

    def test_offers_pairs_with_bars_of_an_hour_or_less_for_a_market(self, tmp_path: Path) -> None:
        write_bars(tmp_path, SPOT)
        write_bars(tmp_path, replace(resample(SPOT, "4h", at_least=3), symbol="ETH/USDT"))

        assert BarFolder(tmp_path).hourly() == ("BTC/USDT",)

    def test_refuses_a_path_that_is_no_folder_or_holds_no_bars(self, tmp_path: Path) -> None:
        with pytest.raises(Refused, match="is no folder"):
            BarFolder(tmp_path / "nowhere")
        (tmp_path / "notes.txt").write_text("-")
        with pytest.raises(Refused, match="holds no bars"):
            BarFolder(tmp_path)

    def test_refuses_two_exchanges_at_once(self, tmp_path: Path) -> None:
        write_bars(tmp_path / "binance", SPOT)
        write_bars(tmp_path / "kraken", SPOT)

        with pytest.raises(Refused, match=r"BTC/USDT 1h is in binance and in kraken; give the folder of one exchange"):
            BarFolder(tmp_path)


class TestFaults:
    def read(self, folder: Path, bars: Bars) -> tuple[Bars, list[str]]:
        path = write_bars(folder, bars)
        found = BarFolder(folder)
        return found.read(bars.symbol, bars.timeframe), found.notes.get(path.name, [])

    def test_rows_out_of_order_are_sorted(self, tmp_path: Path) -> None:
        shuffled = np.random.default_rng(1).permutation(50)
        columns: dict[str, Any] = {name: getattr(SPOT, name)[shuffled] for name in COLUMNS}
        mixed = replace(SPOT, **columns)

        bars, notes = self.read(tmp_path, mixed)

        assert_same(bars, SPOT)
        assert notes == ["rows were out of order"]

    def test_of_rows_with_one_time_the_last_stays(self, tmp_path: Path) -> None:
        columns: dict[str, Any] = {name: getattr(SPOT, name)[[*range(50), 49]] for name in COLUMNS}
        twice = replace(SPOT, **columns)
        corrected = spoil(twice, "volume", np.append(SPOT.volume, 7.0))

        bars, notes = self.read(tmp_path, corrected)

        assert len(bars) == 50
        assert bars.volume[-1] == 7.0
        assert notes == ["1 rows with a repeated time left out"]

    def test_gaps_stay_gaps_and_are_counted(self, tmp_path: Path) -> None:
        bars, notes = self.read(tmp_path, SPOT.where(~np.isin(np.arange(50), [5, 6, 20])))

        assert len(bars) == 47
        assert notes == ["gaps: 2, bars missing: 3"]

    @pytest.mark.parametrize(
        ("name", "value", "reason"),
        [
            ("close", np.nan, "without a number"),
            ("close", 0.0, "with an impossible price or volume"),
            ("high", 1.0, "with an impossible price or volume"),
            ("volume", -1.0, "with an impossible price or volume"),
            ("time", FIRST + 200 * 3600 + 17, "off the grid of 1h"),
        ],
    )
    def test_a_bad_row_is_left_out_and_many_refuse_the_file(
        self, tmp_path: Path, name: str, value: float, reason: str
    ) -> None:
        long = random_bars(1, 200, symbol="BTC/USDT")
        one, many = getattr(long, name).copy(), getattr(long, name).copy()
        one[199], many[100:] = value, value

        bars, notes = self.read(tmp_path, spoil(long, name, one))

        assert len(bars) == 199
        assert notes == [f"1 of 200 rows {reason} left out"]
        with pytest.raises(Refused, match=f"BTC_USDT-1h.feather: cannot be read as bars: 100 of 200 rows are {reason}"):
            self.read(tmp_path, spoil(long, name, many))

    def test_bars_of_another_timeframe_than_the_name_says_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(Refused, match="most bars are 12 times 5m apart"):
            self.read(tmp_path, replace(SPOT, timeframe="5m"))
        with pytest.raises(Refused, match="off the grid of 1h"):
            self.read(tmp_path, replace(SPOT, time=FIRST + 300 * np.arange(50)))

    @pytest.mark.parametrize("text", ["{}", "[[1, 2]]", "nonsense", '[["a",1,1,1,1,1]]'])
    def test_json_of_another_shape_is_refused(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "BTC_USDT-1h.json").write_text(text)

        with pytest.raises(Refused, match=r"BTC_USDT-1h\.json: "):
            BarFolder(tmp_path).read("BTC/USDT", "1h")

    def test_csv_without_a_needed_column_is_refused_naming_it(self, tmp_path: Path) -> None:
        (tmp_path / "BTC_USDT-1h.csv").write_text("date,open,high,low,close\n2024-01-01,1,1,1,1\n")

        with pytest.raises(Refused, match=r"BTC_USDT-1h\.csv: lacks the columns volume"):
            BarFolder(tmp_path).read("BTC/USDT", "1h")

    def test_times_in_no_unit_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(Refused, match="are in no unit since 2009"):
            self.read(tmp_path, replace(SPOT, time=np.arange(50) * 3600))
