from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from config.demo.market.archive import SAMPLE, load, pack
from config.demo.market.times import last_bar_end
from telemetry.core.market_context.bars import HOUR, Bars
from tests.telemetry.core.market_context.builders import FIRST, random_bars

COLUMNS = ("time", "open", "high", "low", "close", "volume")


class TestArchive:
    def test_gives_back_what_was_packed(self, tmp_path: Path) -> None:
        whole = random_bars(3, 50)
        ticks: dict[str, Any] = {name: np.round(getattr(whole, name), 3) for name in COLUMNS[1:]}
        bars = Bars("AAA/USDT", "1h", whole.time, **ticks).where(~np.isin(np.arange(50), (7, 8)))
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
