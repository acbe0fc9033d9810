from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.core.evidence_method.observations import age_weights, open_weights, shares
from tests.learning.core.evidence_method.builders import make_observations


class TestObservations:
    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ({"outcome": [1.0, np.nan]}, "outcome: finite and within 1e9"),
            ({"outcome": [1.0, 2e9]}, "outcome: finite and within 1e9"),
            ({"day": [1.0, np.inf]}, "day: finite and within 1e9"),
            ({"day": [1.0]}, "day: 2 rows expected"),
            ({"trade": [1, 2, 3]}, "trade: 2 rows expected"),
            ({"pattern": [0, -1]}, "pattern: -1 is no code; the lowest is 0"),
            ({"category": [-3, 0]}, "category: -3 is no code; the lowest is 0"),
            ({"scope": [[0], [-2]]}, "scope: -2 is no code; the lowest is -1"),
            (
                {"scope": [[0], [1]], "dimensions": ()},
                r"scope: shape \(rows, 0\) expected, as dimensions, not \(2, 1\)",
            ),
        ],
    )
    def test_refuse_a_column_that_is_none_by_its_name(self, columns: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=rf"^{message}"):
            make_observations(**{"outcome": [1.0, 2.0], **columns})

    def test_refuse_values_that_are_not_numbered(self) -> None:
        one = make_observations([1.0], [[0]])
        unnumbered: Any = np.array([[0.5]])

        with pytest.raises(ValueError, match=r"^scope: whole numbers expected, not float64; number the values first"):
            replace(one, scope=unnumbered)

    def test_of_trades_count_each_row_as_a_trade(self) -> None:
        two = make_observations([1.0, 2.0])

        found = type(two).of_trades(two.day, two.pattern, two.category, two.scope, two.outcome, [])

        assert found.trade.tolist() == found.cluster.tolist() == [0, 1]
        assert shares(found).tolist() == [1.0, 1.0]


class TestShares:
    @given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), min_size=1, max_size=40))
    def test_of_a_unit_add_up_to_one_and_its_trades_weigh_alike(self, units: list[tuple[int, int]]) -> None:
        cluster, trade = (np.array(column) for column in zip(*units, strict=True))
        trade += 10 * cluster

        share = shares(make_observations(np.zeros(len(units)), trade=trade, cluster=cluster))

        for unit in set(cluster.tolist()):
            assert share[cluster == unit].sum() == pytest.approx(1.0)
            trades = set(trade[cluster == unit].tolist())
            assert [share[trade == each].sum() for each in trades] == pytest.approx([1 / len(trades)] * len(trades))


class TestAgeWeights:
    @given(st.floats(0, 1e9), st.floats(1e-3, 1e9))
    def test_are_above_zero_and_at_most_one(self, age: float, half_life: float) -> None:
        assert 0 < age_weights(np.array([0.0]), age, half_life)[0] <= 1


class TestOpenWeights:
    def test_make_a_window_whole_in_which_losers_close_at_once_and_winners_after_ten_days(self) -> None:
        """Three trades a day for 60 days: of those of the last ten days the winners, every third, are still open."""
        day = np.repeat(np.arange(60.0), 3)
        is_winner = np.arange(180) % 3 == 0
        known = day + np.where(is_winner, 10.0, 0.0)
        seen = known <= 60.0

        weight = open_weights(day[seen], known[seen], 60.0, 60.0)

        assert is_winner[seen].mean() < 0.3
        assert np.average(is_winner[seen], weights=weight) == pytest.approx(1 / 3, abs=0.01)

    def test_are_limited_and_one_before_the_window(self) -> None:
        weight = open_weights(np.array([1.0, 50.0]), np.array([59.0, 79.0]), 80.0, 30.0)

        assert weight.tolist() == [1.0, 3.0]
