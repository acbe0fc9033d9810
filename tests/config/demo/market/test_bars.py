from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from config.demo.market.archive import SAMPLE, load, pack
from config.demo.market.bars import HOUR, Bars, four_hours, last_bar_end, resample
from tests.config.demo.builders import FIRST, bars_of, random_bars

COLUMNS = ("time", "open", "high", "low", "close", "volume")


def without(bars: Bars, *places: int) -> Bars:
    return bars.where(~np.isin(np.arange(len(bars)), places))


class TestResample:
    def test_takes_first_open_highest_high_lowest_low_last_close_and_all_volume(self) -> None:
        bars = bars_of([(1, 4, 1, 2), (2, 3, 0.5, 3), (3, 9, 3, 8), (8, 8, 7, 7)])

        longer = four_hours(bars)

        assert [float(getattr(longer, name)[0]) for name in COLUMNS] == [FIRST, 1, 9, 0.5, 7, 40]

    def test_starts_buckets_on_utc_boundaries_whatever_hour_the_bars_start_in(self) -> None:
        late = without(random_bars(1, 12), 0, 1, 2)

        assert four_hours(late).time.tolist() == [FIRST + 4 * HOUR, FIRST + 8 * HOUR]

    def test_keeps_a_bucket_with_one_missing_hour_and_drops_one_with_two(self) -> None:
        bars = random_bars(1, 12)

        assert len(four_hours(without(bars, 5))) == 3
        assert four_hours(without(bars, 5, 6)).time.tolist() == [FIRST, FIRST + 8 * HOUR]

    def test_drops_the_bucket_that_had_not_ended_with_the_data(self) -> None:
        assert len(four_hours(random_bars(1, 11))) == 2

    def test_needs_half_of_the_five_minute_bars_of_an_hour(self) -> None:
        five = bars_of([(1, 2, 1, 2)] * 36, timeframe="5m")

        assert len(resample(without(five, *range(12, 18)), "1h", at_least=6)) == 3
        assert len(resample(without(five, *range(12, 19)), "1h", at_least=6)) == 2


class TestBetween:
    def test_keeps_what_opened_since_and_had_closed_by_then(self) -> None:
        bars = random_bars(1, 10).between(FIRST + HOUR, FIRST + 4 * HOUR + 1)

        assert bars.time.tolist() == [FIRST + HOUR, FIRST + 2 * HOUR, FIRST + 3 * HOUR]


class TestArchive:
    def test_gives_back_what_was_packed(self, tmp_path: Path) -> None:
        whole = random_bars(3, 50)
        ticks: dict[str, Any] = {name: np.round(getattr(whole, name), 3) for name in COLUMNS[1:]}
        bars = without(Bars("AAA/USDT", "1h", whole.time, **ticks), 7, 8)
        arrays: dict[str, Any] = pack([bars], {"AAA/USDT": (3, 3)})

        np.savez_compressed(tmp_path / "bars.npz", **arrays)
        (read,) = load(tmp_path / "bars.npz")

        assert read.symbol == "AAA/USDT"
        for name in COLUMNS:
            np.testing.assert_array_equal(getattr(read, name), getattr(bars, name))


class TestSample:
    def test_is_24_pairs_over_eight_months_in_less_than_two_megabytes(self, sample: list[Bars]) -> None:
        assert len({bars.symbol for bars in sample}) == len(sample) == 24
        assert SAMPLE.stat().st_size < 1_900_000
        assert last_bar_end(sample) == datetime(2024, 9, 6, tzinfo=UTC)
        assert min(int(bars.time[0]) for bars in sample) == FIRST

    def test_names_its_source(self) -> None:
        with np.load(SAMPLE, allow_pickle=False) as archive:
            assert "imsatoshi/GeneTrader @ 2b5dfc6e" in str(archive["source"])

    def test_holds_sound_bars(self, sample: list[Bars]) -> None:
        for bars in sample:
            assert (np.diff(bars.time) > 0).all()
            assert (bars.low > 0).all()
            assert (bars.volume >= 0).all()
            assert (bars.low <= np.minimum(bars.open, bars.close)).all()
            assert (bars.high >= np.maximum(bars.open, bars.close)).all()

    def test_holds_pairs_listed_inside_the_window(self, sample: list[Bars]) -> None:
        listed = {bars.symbol: bars.time[0] for bars in sample if bars.time[0] > FIRST}

        assert sorted(listed) == ["BOME/USDT", "ENA/USDT", "ZRO/USDT"]
        assert min(listed.values()) - FIRST > 60 * 24 * HOUR
