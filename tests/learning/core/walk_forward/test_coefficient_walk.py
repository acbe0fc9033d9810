"""The walk-forward of coefficients against plain loops, and its answers to a planted and an absent difference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from learning.core.cells.rows import DAY, Floats
from learning.core.coefficient_evidence import Fewest
from learning.core.coefficient_steps import next_weight
from learning.core.coefficients import memories, weigh
from learning.core.walk_forward.coefficient_walk import WeightGain, units_of, walk_coefficients
from learning.core.walk_forward.folds import folds_of
from learning.core.walk_forward.outcome_columns import Trades
from tests.learning.core.walk_forward.builders import FIRST_DAY, HOUR, make_trades

FEWEST = Fewest(20, 8.0)
CHAINS, CURATORS = ("base", "sol", "eth"), ("a", "b")


def allocations(outcome: Floats, chain: Any, *, days: int = 200, **over: Any) -> Trades:
    """Return allocations spread over `days`, with these chains and two curators by turns."""
    count = len(outcome)
    scope = np.column_stack([np.asarray(chain), np.arange(count) % 2])
    at = (FIRST_DAY * DAY + np.arange(count) * days * DAY // count).astype(np.int64)
    return make_trades(
        outcome, at=at, scope=scope, module="dm", categories=("allocation",), dimensions=("chain", "curator"),
        values=(CHAINS, CURATORS), **over,
    )  # fmt: skip


def drifting(seed: int, count: int, edge: float) -> Trades:
    """Return allocations whose first chain earns `edge` R more in the second half, the second chain less."""
    rng = np.random.default_rng(seed)
    chain = rng.integers(0, 3, count)
    later = np.arange(count) > count / 2
    return allocations(rng.normal(0, 1, count) + edge * later * ((chain == 0) * 1.0 - (chain == 1)), chain)


def by_loops(trades: Trades, folds: int, dimension: int, code: int) -> tuple[float, int, int]:
    """Return the gain of one weight, its trades and its folds, with one loop for each step."""
    decided, held, gain, n, acted = trades.decided(), 1.0, 0.0, 0, 0
    for fold in folds_of(decided.at, folds):
        known = trades.known_at(fold.start)
        mine = known.scope[:, dimension] == code
        day = known.closed_at / DAY
        overall = memories(known.outcome, day, np.zeros(len(known), int))[0]
        fresh = weigh(memories(known.outcome[mine], day[mine], np.zeros(int(mine.sum()), int))[0], overall,
                      fold.start / DAY)  # fmt: skip
        decay = np.exp(-(fold.start / DAY - day[mine]) / 14)
        by_day = [decay[np.floor(day[mine]) == each].sum() for each in np.unique(np.floor(day[mine]))]
        days = decay.sum() ** 2 / (np.array(by_day) ** 2).sum()
        held = next_weight(held, fresh.weight, is_enough=bool(mine.sum() >= 20 and days >= 8))
        inside = decided.take((decided.at >= fold.start) & (decided.at < fold.end))
        size = np.where(inside.scope[:, dimension] == code, held, 1.0)
        if held != 1.0:
            gain += float(((size / size.mean() - 1) * (inside.outcome - inside.outcome.mean())).sum())
            n, acted = n + int((size != 1).sum()), acted + 1
    return gain, n, acted


class TestGains:
    @pytest.mark.parametrize(("dimension", "code", "name"), [(0, 0, "chain=base"), (0, 1, "chain=sol")])
    def test_are_those_of_plain_loops(self, dimension: int, code: int, name: str) -> None:
        trades = drifting(3, 900, 0.6)

        found = walk_coefficients(trades, 6, FEWEST)["weights"][name]

        gain, n, folds = by_loops(trades, 6, dimension, code)
        assert folds > 1
        assert (found["gain"], found["n"], found["folds"]) == (pytest.approx(gain), n, folds)

    def test_are_above_zero_where_a_difference_lasts(self) -> None:
        found = walk_coefficients(drifting(5, 3000, 1.0), 8, FEWEST)

        for name in ("chain=base", "chain=sol"):
            assert found["weights"][name]["low"] > 0
        assert found["uplift"]["low"] > 0

    def test_cover_zero_where_there_is_none(self) -> None:
        """Over many worlds without a difference, 95 % intervals miss zero about as often as they should."""
        misses = total = 0
        for seed in range(30):
            for each in walk_coefficients(drifting(seed, 1500, 0.0), 6, FEWEST)["weights"].values():
                if each["low"] is not None:
                    total += 1
                    misses += not each["low"] <= 0 <= each["high"]
        assert total > 60
        assert misses / total < 0.12

    def test_need_a_weight_in_force_in_a_fold_with_trades_of_it(self) -> None:
        equal = allocations(np.tile([1.0, 1.0, -1.0, -1.0], 100), np.zeros(400, dtype=int))

        assert walk_coefficients(equal, 4, FEWEST) == {
            "uplift": {"mean": 0.0, "low": 0.0, "high": 0.0}, "weights": {}
        }  # fmt: skip
        assert walk_coefficients(drifting(3, 900, 0.6), 6, Fewest(10**6, 8.0))["weights"] == {}

    def test_are_none_without_trades(self) -> None:
        assert walk_coefficients(allocations(np.empty(0), np.empty(0, dtype=int)), 4, FEWEST) == {
            "uplift": None, "weights": {}
        }  # fmt: skip

    def test_do_not_depend_on_the_order_of_rows(self) -> None:
        trades = drifting(9, 600, 0.8)
        shuffled = trades.take(np.random.default_rng(1).permutation(len(trades)))

        first, second = (walk_coefficients(each, 5, FEWEST) for each in (trades, shuffled))

        assert first["weights"].keys() == second["weights"].keys()
        assert first["uplift"] == pytest.approx(second["uplift"])

    def test_know_nothing_of_what_closes_later(self) -> None:
        """Outcomes of the last fold change what its weights earn there, and no weight that acted before."""
        trades = drifting(4, 900, 0.6)
        last = folds_of(trades.decided().at, 6)[-1].start
        changed = trades.outcome + 5.0 * (trades.at >= last) * (trades.scope[:, 0] == 2)
        other = allocations(changed, trades.scope[:, 0])

        first, second = (walk_coefficients(each, 6, FEWEST)["weights"] for each in (trades, other))

        assert {name: each["n"] for name, each in first.items()} == {name: each["n"] for name, each in second.items()}


class TestInterval:
    def test_is_none_on_fewer_than_eight_days(self) -> None:
        gains = np.random.default_rng(1).normal(0, 1, 30)

        assert WeightGain.of(gains, 40, 7, 1).low is None
        assert WeightGain.of(gains, 40, 8, 1).low is not None

    def test_is_that_of_a_sum_over_days(self) -> None:
        found = WeightGain.of(np.array([1.0, 3.0] * 10), 40, 20, 2)

        assert found.low is not None
        assert found.gain == 40.0
        assert found.gain - found.low == pytest.approx(1.96 * math.sqrt(20 / 19 * 20.0), rel=1e-3)


class TestUnits:
    def test_are_trades_by_their_mean_and_clusters_once(self) -> None:
        trades = make_trades(
            [1.0, 3.0, 5.0, 7.0],
            at=FIRST_DAY * DAY + np.arange(4) * HOUR,
            trade=np.array([0, 0, 1, 2]),
            cluster=np.array([0, 0, 0, 1]),
        )

        rr, day, code = units_of(trades, np.array([4, 4, 4, -1]))

        assert (rr.tolist(), code.tolist()) == ([3.5], [4])
        assert day.tolist() == [trades.closed_at[2] / DAY]
