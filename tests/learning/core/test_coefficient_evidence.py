"""The interval of a weight, its effective days, and how many weights move in permuted outcomes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from learning.core.cells.rows import Floats
from learning.core.coefficient_evidence import (
    Fewest,
    WeightEvidence,
    influence,
    moved_in_noise,
    moved_weights,
    permuted_in_weeks,
    weight_evidence,
)
from learning.core.coefficients import memories, weigh

RANDOM = np.random.default_rng(5)


def low(found: WeightEvidence) -> float:
    assert found.low is not None
    return found.low


def high(found: WeightEvidence) -> float:
    assert found.high is not None
    return found.high


FEWEST = Fewest(20, 8.0)


class TestInterval:
    def test_narrows_with_the_days_and_contains_the_weight(self) -> None:
        few, many = (
            weight_evidence(1.1, RANDOM.normal(0, 1, n), np.repeat(np.arange(30.0), n // 30), 30.0) for n in (30, 3000)
        )

        assert (low(few), low(many)) < (1.1, 1.1) < (high(few), high(many))
        assert high(many) - low(many) < high(few) - low(few)

    def test_of_one_day_is_not_known_whatever_the_trades(self) -> None:
        found = weight_evidence(1.1, RANDOM.normal(0, 1, 500), np.full(500, 3.5), 4.0)

        assert found.days == pytest.approx(1.0)
        assert (found.low, found.high) == (None, None)

    def test_counts_equal_days_as_days(self) -> None:
        spread = np.repeat(np.arange(10.0), 3)
        assert 9 < weight_evidence(1.0, np.ones(30), spread, 9.0).days <= 10

    def test_stays_within_the_bounds_of_a_weight(self) -> None:
        found = weight_evidence(1.9, RANDOM.normal(0, 50, 40), np.arange(40.0), 40.0)
        assert (found.low, found.high) == (0.5, 2.0)

    @pytest.mark.parametrize(("trades", "youngest", "oldest"), [(60, 0, 60), (40, 0, 250), (40, 40, 200)])
    def test_misses_one_seldom_where_there_is_no_edge(self, trades: int, youngest: float, oldest: float) -> None:
        """Also of a value that rests on its long record alone, because nothing of it closed lately."""
        rng, misses = np.random.default_rng(8), 0
        every = memories(rng.normal(0, 1, 20_000), rng.uniform(0, 250, 20_000), np.zeros(20_000, int))[0]
        for _ in range(300):
            rr, day = rng.normal(0, 1, trades), 250.0 - rng.uniform(youngest, oldest, trades)
            weight = weigh(memories(rr, day, np.zeros(trades, int))[0], every, 250.0).weight
            found = weight_evidence(weight, rr, day, 250.0)
            misses += not low(found) <= 1 <= high(found)

        assert 0.01 < misses / 300 < 0.12

    def test_rests_on_what_each_trade_adds_to_the_weight(self) -> None:
        day = np.array([3.0, 40.5, 77.2, 79.9])
        every = memories(np.zeros(4), day, np.zeros(4, int))[0]

        def ln_weight(rr: Floats) -> float:
            return math.log(weigh(memories(rr, day, np.zeros(4, int))[0], every, 80.0).weight)

        for trade in range(4):
            added = ln_weight(np.eye(4)[trade] * 0.25) / 0.25
            assert influence(day, 80.0)[trade] == pytest.approx(added)

    def test_without_trades_is_not_known(self) -> None:
        assert weight_evidence(1.0, np.array([]), np.array([]), 3.0).low is None


class TestNoise:
    def test_exchanges_outcomes_within_a_week_only(self) -> None:
        rr, day = np.arange(20.0), np.repeat([0.0, 8.0], 10)
        permuted = permuted_in_weeks(rr, day, 2)

        assert sorted(permuted[:10]) == rr[:10].tolist()
        assert sorted(permuted[10:]) == rr[10:].tolist()
        assert permuted.tolist() == permuted_in_weeks(rr, day, 2).tolist() != rr.tolist()

    def test_finds_fewer_weights_than_a_planted_difference(self) -> None:
        day = np.repeat(np.arange(100.0), 20)
        code = np.tile(np.arange(2), 1000)
        recent = (day > 80) * np.where(code == 0, 0.8, -0.8)
        rr = RANDOM.normal(0, 0.05, 2000) + recent
        overall = memories(rr, day, np.zeros(2000, int))[0]

        assert moved_weights(rr, day, code, overall, 99.0, FEWEST) == 2
        assert moved_weights(rr, day, code, overall, 99.0, Fewest(10**6, 8.0)) == 0
        assert moved_weights(rr, day, code, overall, 99.0, Fewest(20, 1000.0)) == 0
        assert moved_in_noise({"chain": (rr, day, code)}, overall, 99.0, FEWEST, 1) < 2
