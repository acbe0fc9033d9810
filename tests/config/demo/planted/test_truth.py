from __future__ import annotations

import pytest

from config.demo.planted.truth import (
    BREAKOUT,
    DAYS,
    DELISTED_AT,
    DIP,
    EFFECTS,
    FADE,
    FADES_AT,
    FLIPS_AT,
    MEAN,
    PATTERNS,
    Pattern,
    edge,
    expected,
)

MEAN_EFFECT = (16 * (0.4 * 0.5 - 0.3 * 0.5) + 12 * (0.5 * 0.5 - 0.15 * 0.8)) / 36  # over all trades of a first day


class TestExpected:
    @pytest.mark.parametrize(
        ("pattern", "scope", "day", "mean"),
        [
            (BREAKOUT, {"bucket": "small", "timeframe": "1h"}, FLIPS_AT - 1, 0.55),
            (BREAKOUT, {"bucket": "small", "timeframe": "1h"}, FLIPS_AT, -0.45),
            (BREAKOUT, {"bucket": "mid", "timeframe": "4h"}, 0, 0.05),
            (BREAKOUT, {"bucket": "big", "timeframe": "4h"}, DAYS - 1, -0.45),
            (DIP, {"timeframe": "4h", "market_family": "eth"}, FADES_AT - 1, 0.55),
            (DIP, {"timeframe": "4h", "market_family": "eth"}, FADES_AT, 0.17),
            (DIP, {"timeframe": "1h", "market_family": "legacy"}, 0, -0.75),
            (FADE, {"bucket_leader": "alt", "timeframe": "4h"}, 100, 0.05),
        ],
    )
    def test_is_the_mean_with_the_effects_that_hold_then(
        self, pattern: str, scope: dict[str, str], day: int, mean: float
    ) -> None:
        assert expected(pattern, scope, day) == pytest.approx(mean)

    def test_of_the_pattern_without_an_edge_is_the_mean_in_every_situation(self) -> None:
        (fade,) = (pattern for pattern in PATTERNS if pattern.key == FADE)

        situations = [{name: value} for name, values in fade.values.items() for value in values]

        assert {expected(FADE, scope, day) for scope in situations for day in range(DAYS)} == {MEAN}


class TestEdge:
    @pytest.mark.parametrize(
        ("pattern", "dimension", "value", "day", "of"),
        [
            (PATTERNS[0], "bucket", "small", 0, 0.5 - MEAN_EFFECT),
            (PATTERNS[0], "bucket", "big", 0, -0.5 - MEAN_EFFECT),
            (PATTERNS[0], "bucket", "mid", 0, -MEAN_EFFECT),
            (PATTERNS[0], "timeframe", "4h", 0, 0.4 * 0.5 - 0.3 * 0.5 - MEAN_EFFECT),
            (PATTERNS[0], "bucket", "small", FLIPS_AT, -0.5 - (16 * -0.35 + 12 * (0.06 - 0.12)) / 36),
            (PATTERNS[1], "timeframe", "1h", 0, -MEAN_EFFECT),
            (PATTERNS[2], "timeframe", "4h", 0, 0.5 - 0.15 * 0.8 - MEAN_EFFECT),
            (PATTERNS[2], "market_family", "legacy", 0, 0.25 - 0.8 - MEAN_EFFECT),
        ],
    )
    def test_is_the_difference_from_the_mean_of_all_trades(
        self, pattern: Pattern, dimension: str, value: str, day: int, of: float
    ) -> None:
        assert edge(pattern, dimension, value, day) == pytest.approx(of)


class TestTheWorld:
    def test_names_only_values_that_are_met(self) -> None:
        met = {(each.key, name, value) for each in PATTERNS for name, values in each.values.items() for value in values}

        assert {(each.pattern, each.dimension, each.value) for each in EFFECTS} <= met

    def test_has_whole_weeks_and_shares_that_add_up(self) -> None:
        assert DAYS % 7 == 0
        assert DELISTED_AT < FADES_AT < FLIPS_AT < DAYS
        assert {round(sum(shares.values()), 9) for each in PATTERNS for shares in each.values.values()} == {1.0}
