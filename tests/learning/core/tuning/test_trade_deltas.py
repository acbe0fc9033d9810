from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.core.cells.rows import LARGEST
from learning.core.tuning.trade_deltas import MOST_ALTERNATIVES, UNKNOWN, Change, LeverDeltas, Told, changes_of
from tests.learning.core.tuning.builders import LEVER, make_deltas

TRIM, ENTRY = "trim_delay_mult", "entry_delay_bars"
NAMES = st.sampled_from(["1", "2", "never"])
ROUND = st.integers(-8, 8).map(lambda number: number / 4)  # sums of quarters are exact in any order
TOLD = st.builds(
    Told,
    st.integers(0, 100),
    st.dictionaries(st.sampled_from([ENTRY, TRIM]), st.dictionaries(NAMES, ROUND, min_size=1)),
    st.just({}),
    st.just({}),
)


def naive(actions: Sequence[Told], lever: str) -> Change | None:
    """Return the change by a literal reading: walk over the actions, add what each tells."""
    total: dict[str, float] = {}
    known = -1
    for action in actions:
        for name in action.counterfactuals.get(lever, {}):
            total[name] = total.get(name, 0.0) + action.counterfactuals[lever][name]
            known = max(known, action.known)
    return Change(total, known) if total else None


class TestChanges:
    def test_add_up_over_the_actions_of_a_trade(self) -> None:
        """A sooner trim would have lost .25 R at the trim and gained 1 R at the exit: .75 R, known with the exit."""
        trim, out = Told(5, {TRIM: {"0.5": -0.25}}, {}, {}), Told(9, {TRIM: {"0.5": 1.0, "never": -0.5}}, {}, {})

        assert changes_of((trim, out), (TRIM,)) == {TRIM: Change({"0.5": 0.75, "never": -0.5}, 9)}

    def test_of_replays_are_those_over_the_arm_that_was_taken(self) -> None:
        entry = Told(7, {}, {ENTRY: {"0": 1.25, "1": 1.0, "2": 2.0}}, {ENTRY: "1"})

        assert changes_of((entry,), (ENTRY,)) == {ENTRY: Change({"0": 0.25, "2": 1.0}, 7)}

    def test_of_replays_stand_for_counterfactuals_of_the_same_lever(self) -> None:
        """They tell the same, so nothing is counted twice, whichever action tells it."""
        entry = Told(7, {ENTRY: {"2": 9.0}}, {ENTRY: {"0": 0.0, "2": 1.0}}, {ENTRY: "0"})
        add = Told(8, {ENTRY: {"2": 9.0}, TRIM: {"0.5": 0.5}}, {}, {})

        assert changes_of((entry, add), (ENTRY, TRIM)) == {
            ENTRY: Change({"2": 1.0}, 7), TRIM: Change({"0.5": 0.5}, 8),
        }  # fmt: skip

    def test_are_missing_where_none_tells(self) -> None:
        silent = Told(1, {TRIM: {}}, {ENTRY: {"1": 2.0}}, {ENTRY: "0"})  # replays without the arm that was taken

        assert changes_of((silent,), (ENTRY, TRIM)) == {}
        assert changes_of((), (ENTRY,)) == {}

    def test_stay_within_what_outcomes_may_be(self) -> None:
        huge = Told(1, {ENTRY: {"1": LARGEST}}, {ENTRY: {}}, {})

        assert changes_of((huge, huge), (ENTRY,))[ENTRY].deltas == {"1": LARGEST}

    @given(st.lists(TOLD, max_size=6))
    def test_equal_the_loop_in_any_order_of_the_actions(self, actions: list[Told]) -> None:
        found = changes_of(actions, (ENTRY, TRIM))

        assert found == {lever: each for lever in (ENTRY, TRIM) if (each := naive(actions, lever)) is not None}
        assert changes_of(actions[::-1], (ENTRY, TRIM)) == found


class TestLevers:
    def test_hold_a_column_for_each_alternative(self) -> None:
        found = LeverDeltas.of([Change({"2": 0.5}, 3), None, Change({"1": -1.0, "2": 0.0}, 9)])

        assert found.names == ("1", "2")
        np.testing.assert_array_equal(found.changes, [[math.nan, 0.5], [math.nan, math.nan], [-1.0, 0.0]])
        assert found.known.tolist() == [3, UNKNOWN, 9]
        assert found.is_told.tolist() == [True, False, True]

    def test_keep_the_alternatives_that_most_trades_tell_of(self) -> None:
        """Names are free text: a bot that makes up a new one for each trade fills no memory."""
        made_up = [Change({f"x{number}": 1.0, "2": 0.5}, 1) for number in range(200)]

        found = LeverDeltas.of(made_up)

        assert len(found.names) == MOST_ALTERNATIVES
        assert not np.isnan(found.of_alternative("2")).any()

    def test_of_no_trades_are_empty(self) -> None:
        assert LeverDeltas.of([]).changes.shape == (0, 0)
        assert LeverDeltas.of([None]).names == ()


class TestTrades:
    def test_are_known_with_their_last_result(self) -> None:
        trades = make_deltas({"1": [0.5, 0.25, 1.0]}, day=[0, 1, 2], known=[9, 2, 3])

        assert trades.known_at(LEVER, int(trades.levers[LEVER].known[2])).at.tolist() == trades.at[[1]].tolist()

    def test_that_do_not_tell_of_an_alternative_are_no_observation_of_it(self) -> None:
        trades = make_deltas({"1": [0.5, math.nan], "2": [math.nan, 1.0]})

        first = trades.observations(LEVER, "1")
        assert (first.outcome.tolist(), first.trade.tolist()) == ([0.5], [0])
        assert trades.observations(LEVER, "2").known.tolist() == [0.75]

    def test_keep_their_columns_together(self) -> None:
        trades = make_deltas({"1": [0.5, 0.25, 1.0]}, scope=[[0], [1], [0]], values=[2], pattern=[0, 1, 0])

        taken = trades.take(np.array([2, 1]))

        assert len(taken) == 2
        assert (taken.pattern.tolist(), taken.scope.tolist()) == ([0, 1], [[0], [1]])
        assert taken.levers[LEVER].of_alternative("1").tolist() == [1.0, 0.25]
        assert len(taken.rows()) == 2

    def test_name_an_alternative_that_is_not_told(self) -> None:
        with pytest.raises(ValueError, match="not in tuple"):
            make_deltas({"1": [0.5]}).observations(LEVER, "7")
