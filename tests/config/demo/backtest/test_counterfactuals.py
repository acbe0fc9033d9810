from __future__ import annotations

import numpy as np
import pytest

from config.demo.backtest.counterfactuals import (
    ENTRY_DELAYS,
    RULES,
    Counterfactuals,
    Deltas,
    counterfactuals,
    missed_bucket,
)
from config.demo.backtest.histories import histories
from config.demo.backtest.price_paths import Paths
from config.demo.backtest.simulation import replay
from telemetry.core.market_context.bars import Bars
from telemetry.core.market_context.indicators import LONG, Indicators
from tests.config.demo.backtest.naive import naive_trade
from tests.telemetry.core.market_context.builders import random_bars


def deltas_of(bars: Bars, *signal: int) -> Deltas:
    return all_of(bars, *signal).deltas


def all_of(bars: Bars, *signal: int) -> Counterfactuals:
    indicators, side = Indicators.of(bars), np.full(len(signal), LONG)
    paths = Paths.of(bars, indicators, np.array(signal), side)
    return counterfactuals(bars, indicators, np.array(signal), side, paths, replay(paths))


class TestDeltas:
    def test_a_delayed_entry_is_another_trade_in_the_original_risk(self) -> None:
        bars = random_bars(7, 400)
        indicators = Indicators.of(bars)
        actual = naive_trade(bars, indicators, 250, LONG)

        found = deltas_of(bars, 250)["entry_delay_bars"]

        assert actual is not None
        assert list(found) == ["1", "2", "3", "6"]
        for delay in ENTRY_DELAYS:
            late = naive_trade(bars, indicators, 250, LONG, delay=delay)
            assert late is not None
            assert found[str(delay)][0] == pytest.approx(late.rr - actual.rr, abs=1e-9)

    def test_a_delayed_entry_past_the_end_has_no_value(self) -> None:
        """The trade closes within the data; entered six bars later, its first bar would be beyond."""
        bars = random_bars(7, 400)
        indicators = Indicators.of(bars)
        quick = next(
            t for t in range(220, 300) if (one := naive_trade(bars, indicators, t, LONG)) and one.exit_bar < t + 5
        )

        found = deltas_of(bars.where(np.arange(400) < quick + 6), quick)["entry_delay_bars"]

        assert np.isnan(found["6"][0])

    def test_are_known_when_the_last_alternative_has_ended(self) -> None:
        """Every replay bar by bar; at the end of the data only alternatives with a value count."""
        bars = random_bars(7, 400)
        indicators, rules = Indicators.of(bars), [rule for rules in RULES.values() for rule in rules.values()]
        for signal in (250, 320, 380):
            late = [naive_trade(bars, indicators, signal, LONG, delay=delay) for delay in ENTRY_DELAYS]
            turned = [naive_trade(bars, indicators, signal, LONG, rule) for rule in rules]
            ends = [one.exit_bar for one in (*late, *turned) if one is not None]

            assert all_of(bars, signal).bars.tolist() == [max(ends, default=signal) - signal]

    def test_the_rule_as_traded_changes_nothing(self) -> None:
        found = deltas_of(random_bars(7, 400), 210, 230, 250)

        assert found["phase1_frac_mult"]["1"].tolist() == [0, 0, 0]

    def test_never_trimming_gives_a_third_of_what_the_part_sold_would_have_earned(self) -> None:
        found = histories(random_bars(11, 1500, volatility=0.02))
        trimmed, never = found.trim >= 0, found.would_have.deltas["trim_delay_mult"]["never"]

        assert trimmed.sum() > 5
        np.testing.assert_allclose(never[trimmed], found.trim_after[trimmed] / 3, atol=1e-12)
        np.testing.assert_allclose(never[~trimmed], 0, atol=1e-12)


class TestMissedBucket:
    @pytest.mark.parametrize(
        ("missed", "bucket"),
        [(0.0999, "none"), (0.1, "small"), (0.5, "medium"), (1.4999, "medium"), (1.5, "large"), (-3, "none")],
    )
    def test_grades_the_best_alternative(self, missed: float, bucket: str) -> None:
        assert missed_bucket({"trail_mult": {"0.67": -5.0, "2": missed}, "panic_trigger_mult": {"1.5": -4.0}}) == bucket

    def test_misses_nothing_without_alternatives(self) -> None:
        assert missed_bucket({}) == "none"
