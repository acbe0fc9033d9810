from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.coefficients import Memory, memories, weigh
from overrides.core.engine.definitions.coefficients import LEVER_DIMENSIONS
from overrides.core.engine.definitions.dimensions import LEARNED_DIMENSIONS

CASES = json.loads(Path(__file__).with_name("coefficients.json").read_text())

Trade = tuple[float, float]  # rr, day
TRADES = st.lists(st.tuples(st.floats(-20, 20), st.floats(0, 2000)), min_size=1, max_size=40)


def remembered(trades: Iterable[Trade]) -> Memory:
    """Return the memory after observing the trades one by one."""
    first, *others = trades
    memory = Memory.of(*first)
    for rr, day in others:
        memory = memory.observe(rr, day)
    return memory


def recomputed(trades: Iterable[Trade]) -> Memory:
    rr, day = np.array(list(trades)).T
    return memories(rr, day, np.zeros(len(rr), dtype=np.int64))[0]


def numbers(memory: Memory) -> list[float]:
    return [memory.n, memory.at, memory.short.mean, memory.short.w, memory.long.mean, memory.long.w]


class TestGoldenCases:
    @pytest.mark.parametrize("case", CASES, ids=lambda case: f"trades-{len(case['given']['trades'])}")
    @pytest.mark.parametrize("memory_of", [remembered, recomputed])
    def test_reproduces_them_one_by_one_and_in_one_pass(self, case: dict[str, Any], memory_of: Any) -> None:
        trades, as_of, expect = case["given"]["trades"], case["given"]["as_of"], case["expect"]
        everything = memory_of((trade["rr"], trade["closed_day"]) for trade in trades)

        assert everything.short.mean == pytest.approx(expect["global_short"], rel=1e-9)
        assert everything.long.mean == pytest.approx(expect["global_long"], rel=1e-9)
        for name, expected in expect["weights"].items():
            lever, value = name.split("=", 1)
            own = [trade for trade in trades if trade["values"].get(lever) == value]
            found = weigh(memory_of((trade["rr"], trade["closed_day"]) for trade in own), everything, as_of)
            assert found.n == expected["n"]
            assert found.short == pytest.approx(expected["short"], rel=1e-9)
            assert found.long == pytest.approx(expected["long"], rel=1e-9)
            assert found.weight == pytest.approx(expected["weight"], rel=1e-9)


class TestMemory:
    def test_is_the_decayed_mean_of_the_reference(self) -> None:
        """Trades of 1.5 (30 days ago), 2.0 (7) and 1.0 (1): the true decayed means of the domain reference."""
        memory = remembered([(1.5, 0.0), (2.0, 23.0), (1.0, 29.0)])

        assert memory.short.mean == pytest.approx(1.4019, abs=5e-5)
        assert memory.long.mean == pytest.approx(1.4879, abs=5e-5)

    @given(TRADES, st.randoms(use_true_random=False))
    @settings(deadline=None)
    def test_is_the_same_in_any_order_of_arrival(self, trades: list[Trade], random: Any) -> None:
        shuffled = random.sample(trades, len(trades))

        assert numbers(remembered(shuffled)) == pytest.approx(numbers(recomputed(trades)), rel=1e-9, abs=1e-9)

    @given(TRADES)
    @settings(deadline=None)
    def test_recomputes_to_the_last_bit_whatever_the_order(self, trades: list[Trade]) -> None:
        assert recomputed(trades) == recomputed(reversed(trades))

    @given(TRADES)
    def test_survives_being_stored(self, trades: list[Trade]) -> None:
        memory = remembered(trades)

        assert Memory.from_document(json.loads(json.dumps(memory.to_document()))) == memory

    def test_keeps_values_apart(self) -> None:
        found = memories(np.array([1.0, 2.0, 4.0]), np.array([3.0, 1.0, 2.0]), np.array([5, 9, 5]))

        assert set(found) == {5, 9}
        assert numbers(found[5]) == pytest.approx(numbers(remembered([(4.0, 2.0), (1.0, 3.0)])))
        assert found[9] == Memory.of(2.0, 1.0)

    def test_of_no_trades_are_none(self) -> None:
        assert memories(np.empty(0), np.empty(0), np.empty(0, dtype=np.int64)) == {}

    @pytest.mark.parametrize(("rr", "day", "field"), [(math.nan, 0.0, "rr"), (1.0, math.inf, "day"), (1e10, 0.0, "rr")])
    def test_refuses_what_is_no_trade(self, rr: float, day: float, field: str) -> None:
        with pytest.raises(ValueError, match=f"^{field}:"):
            Memory.of(rr, day)
        with pytest.raises(ValueError, match=f"^{field}:"):
            Memory.of(0.0, 0.0).observe(rr, day)
        with pytest.raises(ValueError, match=f"^{field}:"):
            memories(np.array([rr]), np.array([day]), np.array([0]))

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"n": 0}, "memory.n"),
            ({"at": None}, "memory.at"),
            ({"short": {"s": 1.0, "w": 0.5}}, "memory.short.w"),
            ({"long": {"s": 1.0}}, "memory.long.w"),
            ({"longer": {}}, "memory.longer"),
        ],
    )
    def test_refuses_a_document_that_is_none(self, change: dict[str, Any], field: str) -> None:
        with pytest.raises(ValueError, match=f"^{field}:"):
            Memory.from_document(Memory.of(1.0, 0.0).to_document() | change)


class TestWeigh:
    @given(TRADES, TRADES, st.floats(0, 1e6))
    @settings(deadline=None)
    def test_stays_within_its_limits(self, own: list[Trade], others: list[Trade], later: float) -> None:
        everything = recomputed([*own, *others])

        found = weigh(recomputed(own), everything, everything.at + later)

        assert 0.5 <= found.weight <= 2.0
        assert math.isfinite(found.short)
        assert math.isfinite(found.long)

    @given(TRADES)
    @settings(deadline=None)
    def test_is_one_for_the_whole(self, trades: list[Trade]) -> None:
        everything = recomputed(trades)

        assert weigh(everything, everything, everything.at).weight == pytest.approx(1.0, rel=1e-9)

    def test_is_clipped_for_absurd_outcomes(self) -> None:
        everything = remembered([(1e9, 0.0), (-1e9, 0.0)])

        assert weigh(Memory.of(1e9, 0.0), everything, 0.0).weight == 2.0
        assert weigh(Memory.of(-1e9, 0.0), everything, 0.0).weight == 0.5

    def test_forgets_what_was_long_ago(self) -> None:
        """After a hundred years both memories have no weight: only the priors remain."""
        everything = remembered([(3.0, 0.0), (-1.0, 0.0)])

        assert weigh(Memory.of(3.0, 0.0), everything, 36_500.0).weight == pytest.approx(1.0, abs=1e-12)

    def test_refuses_a_day_before_the_newest_trade(self) -> None:
        with pytest.raises(ValueError, match="as_of: day 4 is before the newest trade, day 5"):
            weigh(Memory.of(1.0, 0.0), Memory.of(1.0, 5.0), 4.0)


class TestTable:
    def test_names_dimensions_a_dm_request_may_carry(self) -> None:
        assert set(LEVER_DIMENSIONS.values()) - {"timeframe"} <= set(LEARNED_DIMENSIONS["dm"])

    def test_names_each_dimension_once(self) -> None:
        assert len(set(LEVER_DIMENSIONS.values())) == len(LEVER_DIMENSIONS) == 9
