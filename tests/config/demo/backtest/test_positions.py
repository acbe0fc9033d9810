from __future__ import annotations

from dataclasses import replace

import numpy as np

from config.demo.backtest.positions import Positions, take
from config.demo.backtest.rules import PATTERNS, signals
from telemetry.core.market_context.bars import Bars
from telemetry.core.market_context.indicators import LONG, SHORT, Indicators
from tests.telemetry.core.market_context.builders import bars_of, random_bars

HOURS = 900


def flags(*values: bool) -> np.ndarray:
    return np.array(values)


def positions_of(*rows: tuple[int, int, int, int]) -> Positions:
    """Return positions from (pattern, side, signal, exit)."""
    pattern, side, signal, out = (np.array(column) for column in zip(*rows, strict=True))
    return Positions(pattern, side, signal, out, np.full(len(rows), True))


def taken(bars: Bars) -> Positions:
    return take(bars, Indicators.of(bars))


class TestTake:
    def test_never_holds_two_positions_of_one_pattern(self) -> None:
        found = taken(random_bars(5, HOURS))

        for pattern in range(len(PATTERNS)):
            rows = found.pattern == pattern
            assert (found.signal[rows][1:] > found.exit[rows][:-1]).all()

    def test_takes_every_signal_that_is_free_to_be_taken(self) -> None:
        bars = random_bars(5, HOURS)
        found = taken(bars)

        for place, pattern in enumerate(PATTERNS):
            rows = found.pattern == place
            held = list(zip(found.signal[rows].tolist(), found.exit[rows].tolist(), strict=True))
            for t in signals(pattern, bars, Indicators.of(bars)).tolist():
                assert t in found.signal[rows] or t == len(bars) - 1 or any(a < t <= b for a, b in held)

    def test_does_not_count_a_position_that_the_data_ends_but_keeps_its_place(self) -> None:
        found = taken(random_bars(5, HOURS))
        still_open = found.exit == HOURS

        assert still_open.any()
        assert not found.is_trade[still_open].any()
        assert found.is_trade.sum() == len(found.trades().signal) > 10

    def test_does_not_take_a_signal_at_the_last_bar(self) -> None:
        bars = bars_of([(100, 101, 99, 100)] * 200 + [(100, 120, 100, 120)])

        assert len(taken(bars).signal) == 0

    def test_drops_a_trade_over_a_change_of_units_but_keeps_its_place(self) -> None:
        bars = random_bars(5, HOURS)
        unit = np.where(np.arange(HOURS) >= 500, 4.0, 1.0)
        scaled = replace(
            bars, open=bars.open * unit, high=bars.high * unit, low=bars.low * unit, close=bars.close * unit
        )

        found = taken(scaled)

        touched = (found.signal - 200 <= 500) & (found.exit >= 500)
        assert touched.any()
        assert not found.is_trade[touched].any()
        assert found.is_trade[found.exit < 500].all()
        for pattern in range(len(PATTERNS)):
            rows = found.pattern == pattern
            assert (found.signal[rows][1:] > found.exit[rows][:-1]).all()

    def test_skips_a_flat_market_without_keeping_a_place(self) -> None:
        """The first breakout risks 0.36 % of the price and is skipped, so it does not block the second."""
        flat = [(100.0, 100.09, 99.91, 100.0)] * 200
        small = [(100.0, 100.1, 99.95, 100.1)]  # breaks out; nothing touches its stop or its trim after that
        quiet = [(100.1, 100.1, 99.95, 100.0)] * 5
        large = [(100.0, 101.0, 100.0, 101.0), (101.0, 101.1, 100.9, 101.0)]

        found = taken(bars_of(flat + small + quiet + large))

        assert found.signal[found.pattern == 0].tolist() == [206]


class TestHolding:
    def test_needs_an_earlier_entry_on_the_same_side_that_is_not_out(self) -> None:
        found = positions_of((0, LONG, 300, 310))
        bars = np.array([301, 302, 310, 311])

        assert found.holding(np.full(4, LONG), bars).tolist() == [False, True, True, False]
        assert not found.holding(np.full(4, SHORT), bars).any()
