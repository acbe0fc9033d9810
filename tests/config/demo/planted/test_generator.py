from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from config.demo.planted.generator import PlantedTrade, planted_trades
from config.demo.planted.payloads import payload_of
from config.demo.planted.truth import DAY_SD, DAYS, DELISTED_AT, PATTERNS, SD, expected
from telemetry.core.trades import parse_trade

START = datetime(2026, 1, 5, tzinfo=UTC)
A_DAY = sum(pattern.trades_a_day for pattern in PATTERNS)


@pytest.fixture(scope="module")
def trades() -> list[PlantedTrade]:
    return planted_trades(START)


class TestPlantedTrades:
    def test_are_the_same_for_the_same_seed_and_others_for_another(self) -> None:
        few = planted_trades(START, days=3)

        assert few == planted_trades(START, days=3)
        assert [each.rr for each in few] != [each.rr for each in planted_trades(START, seed=2, days=3)]

    def test_of_a_shorter_story_are_its_first_days(self, trades: list[PlantedTrade]) -> None:
        assert planted_trades(START, days=2) == trades[: 2 * A_DAY]

    def test_are_as_many_each_day_and_close_on_the_day_on_which_they_open(self, trades: list[PlantedTrade]) -> None:
        assert len(trades) == DAYS * A_DAY
        assert all(each.opened_at < each.closed_at for each in trades)
        assert all((each.opened_at - START).days == (each.closed_at - START).days == each.day for each in trades)
        assert [each.opened_at for each in trades] == sorted(each.opened_at for each in trades)

    def test_scatter_around_their_true_mean_as_stated(self, trades: list[PlantedTrade]) -> None:
        noise = np.array([each.rr - each.mean for each in trades])
        days = noise.reshape(DAYS, A_DAY).mean(axis=1)

        assert [each.mean for each in trades] == [expected(each.pattern, each.scope, each.day) for each in trades]
        assert abs(noise.mean()) < 4 * np.hypot(DAY_SD, SD / np.sqrt(A_DAY)) / np.sqrt(DAYS)
        assert noise.std() == pytest.approx(np.hypot(SD, DAY_SD), rel=0.05)
        assert days.std() == pytest.approx(np.hypot(DAY_SD, SD / np.sqrt(A_DAY)), rel=0.15)

    def test_meet_the_delisted_value_on_no_later_day(self, trades: list[PlantedTrade]) -> None:
        met = [each.day for each in trades if each.scope.get("market_family") == "legacy"]

        assert max(met) < DELISTED_AT
        assert len(met) > 5 * DELISTED_AT / 10


class TestPayloads:
    def test_are_trades_that_recording_accepts(self, trades: list[PlantedTrade]) -> None:
        document = payload_of(trades[0])

        assert parse_trade(document, now=trades[0].closed_at).external_id == trades[0].external_id == "planted:00000"
