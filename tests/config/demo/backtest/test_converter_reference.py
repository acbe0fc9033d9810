"""The rules over the complete data, compared with published results: n within 1 %, means within 0.01 R."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from config.demo.backtest.positions import take
from config.demo.backtest.price_paths import Paths
from config.demo.backtest.rules import PATTERNS
from config.demo.backtest.simulation import replay
from config.demo.market.make_sample import read_hourly
from telemetry.core.market_context.bars import Bars, Floats
from telemetry.core.market_context.indicators import Indicators

DATA = Path(os.environ.get("COUNTERWEIGHT_DATA", Path(__file__).parents[4] / "shared" / "data"))
LEAST_BARS = 300
REFERENCE = {
    ("genetrader_2024", "donchian.long.breakout"): (10_785, 0.353, -0.077, 1.268),
    ("genetrader_2024", "donchian.short.breakout"): (11_029, 0.360, -0.037, 1.235),
    ("genetrader_2024", "ema.long.cross"): (6_179, 0.334, -0.104, 1.237),
    ("genetrader_2024", "ema.short.cross"): (6_192, 0.351, -0.067, 1.211),
    ("genetrader_2024", "rsi.long.dip"): (1_524, 0.305, -0.179, 1.151),
    ("genetrader_2024", "rsi.short.dip"): (2_565, 0.374, -0.060, 1.134),
    ("nfi_2021", "donchian.long.breakout"): (5_995, 0.378, 0.040, 1.424),
    ("nfi_2021", "donchian.short.breakout"): (4_501, 0.288, -0.291, 0.848),
    ("nfi_2021", "ema.long.cross"): (3_099, 0.375, 0.037, 1.377),
    ("nfi_2021", "ema.short.cross"): (3_023, 0.278, -0.296, 0.833),
    ("nfi_2021", "rsi.long.dip"): (862, 0.383, -0.042, 1.087),
    ("nfi_2021", "rsi.short.dip"): (794, 0.305, -0.259, 0.888),
}

pytestmark = [
    pytest.mark.skipif(not DATA.is_dir(), reason="no bars: point COUNTERWEIGHT_DATA at the data folder"),
    pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="reading Parquet needs pyarrow"),
]


def read_source(source: str) -> Iterator[Bars]:
    folder = DATA / source
    for pair in sorted({path.stem for kind in ("bars_1h", "bars_5m") for path in (folder / kind).glob("*.parquet")}):
        bars, _ = read_hourly(folder, pair)
        if len(bars) >= LEAST_BARS:
            yield bars


@cache
def results(source: str) -> dict[str, Floats]:
    """Return the rr of every trade, by pattern key."""
    found: dict[str, list[Floats]] = {pattern.key: [] for pattern in PATTERNS}
    for bars in read_source(source):
        indicators = Indicators.of(bars)
        trades = take(bars, indicators).trades()
        rr = replay(Paths.of(bars, indicators, trades.signal, trades.side)).rr
        for place, pattern in enumerate(PATTERNS):
            found[pattern.key].append(rr[trades.pattern == place])
    return {key: np.concatenate(parts) for key, parts in found.items()}


@pytest.mark.parametrize(("source", "pattern"), REFERENCE)
def test_agrees_with_the_reference(source: str, pattern: str) -> None:
    n, win, mean, sd = REFERENCE[source, pattern]

    rr = results(source)[pattern]

    assert len(rr) == pytest.approx(n, rel=0.01)
    assert (rr > 0).mean() == pytest.approx(win, abs=0.01)
    assert rr.mean() == pytest.approx(mean, abs=0.01)
    assert rr.std(ddof=1) == pytest.approx(sd, abs=0.01)


def test_agrees_on_the_ten_days_of_the_smallest_source() -> None:
    rr = np.concatenate(list(results("alpergulsen_2023").values()))

    assert len(rr) == pytest.approx(660, rel=0.01)
    assert (rr > 0).mean() == pytest.approx(0.291, abs=0.01)
    assert rr.mean() == pytest.approx(-0.204, abs=0.01)
