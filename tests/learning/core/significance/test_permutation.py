from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.cells.rows import DAY, Floats, week_of
from learning.core.significance.permutation import permute_outcomes, shift_scopes

ENTRY, TRIM = 0, 1


def facts(seed: int, count: int = 300) -> dict[str, Any]:
    """Return trades of one pattern each, with entries and trims; an entry's outcome is its trade's rr."""
    rng = np.random.default_rng(seed)
    trade = rng.integers(0, count // 2, count)
    rr, pattern, at = (
        rng.normal(size=count),
        rng.integers(0, 3, count),
        rng.integers(0, 30 * DAY, count),
    )
    judged_by_trade = rng.random(count) < 0.6
    return {
        "outcomes": np.where(judged_by_trade, rr[trade], rng.normal(size=count)),
        "trade": trade,
        "pattern": pattern[trade],
        "category": np.where(judged_by_trade, ENTRY, TRIM),
        "judged_by_trade": judged_by_trade,
        "at": at[trade],
    }


def permuted(columns: dict[str, Any], seed: int = 1) -> Floats:
    rest = {name: column for name, column in columns.items() if name != "outcomes"}
    return permute_outcomes(columns["outcomes"], **rest, seed=seed)


class TestPermuteOutcomes:
    @given(st.integers(0, 10**6), st.integers(0, 100))
    @settings(deadline=None, max_examples=30)
    def test_keeps_what_each_pattern_earned_in_each_week(self, facts_seed: int, seed: int) -> None:
        columns = facts(facts_seed)
        before, after = columns["outcomes"], permuted(columns, seed)
        week, sale = week_of(columns["at"]), ~columns["judged_by_trade"]

        for pattern, when in set(zip(columns["pattern"].tolist(), week.tolist(), strict=True)):
            here = (columns["pattern"] == pattern) & (week == when)
            assert sorted(before[here & sale]) == sorted(after[here & sale])
            _, first = np.unique(columns["trade"][here & ~sale], return_index=True)
            assert sorted(before[here & ~sale][first]) == sorted(after[here & ~sale][first])

    def test_moves_the_actions_of_a_trade_together(self) -> None:
        columns = facts(3)
        after, entries = permuted(columns), columns["judged_by_trade"]

        for trade in set(columns["trade"][entries].tolist()):
            assert len(set(after[entries & (columns["trade"] == trade)].tolist())) == 1

    def test_is_the_same_for_the_same_seed_and_another_for_another(self) -> None:
        columns = facts(3)

        assert np.array_equal(permuted(columns, 1), permuted(columns, 1))
        assert not np.array_equal(permuted(columns, 1), permuted(columns, 2))
        assert not np.array_equal(permuted(columns, 1), columns["outcomes"])

    def test_leaves_a_lone_trade_of_a_week_where_it_is(self) -> None:
        columns = facts(3) | {"at": 7 * DAY * np.arange(300), "pattern": np.arange(300)}

        assert np.array_equal(permuted(columns), columns["outcomes"])

    def test_deals_every_outcome_everywhere_equally_often(self) -> None:
        """Three trades of one week: each position gets the first outcome in a third of 3000 draws."""
        place = np.zeros(3)
        for seed in range(3000):
            dealt = permute_outcomes(
                np.array([1.0, 0.0, 0.0]),
                trade=np.arange(3),
                pattern=np.zeros(3, dtype=np.int64),
                category=np.zeros(3, dtype=np.int64),
                judged_by_trade=np.ones(3, dtype=np.bool_),
                at=np.zeros(3, dtype=np.int64),
                seed=seed,
            )
            place += dealt

        assert (np.abs(place - 1000) < 130).all()  # five standard deviations

    def test_takes_no_rows(self) -> None:
        assert len(permuted({name: column[:0] for name, column in facts(1).items()})) == 0


class TestShiftScopes:
    @given(st.integers(0, 10**6), st.integers(0, 100))
    @settings(deadline=None, max_examples=30)
    def test_turns_the_scopes_of_each_group_in_the_order_of_days(self, facts_seed: int, seed: int) -> None:
        columns = facts(facts_seed) | {"at": DAY * np.random.default_rng(facts_seed).permutation(300)}
        scope = np.arange(len(columns["at"]))[:, None]
        of = {name: columns[name] for name in ("pattern", "category", "at")}

        found = shift_scopes(scope, **of, seed=seed)

        for pattern, category in set(zip(of["pattern"].tolist(), of["category"].tolist(), strict=True)):
            group = np.flatnonzero((of["pattern"] == pattern) & (of["category"] == category))
            in_order = group[np.argsort(of["at"][group], kind="stable")].tolist()
            offset = in_order.index(int(found[in_order[0], 0])) if len(group) else 0
            assert found[in_order, 0].tolist() == in_order[offset:] + in_order[:offset]

    def test_keeps_a_phase_whole_and_moves_it_to_other_days(self) -> None:
        phase = np.repeat(np.arange(10), 30)[:, None]
        one = np.zeros(300, dtype=np.int64)

        found = shift_scopes(phase, pattern=one, category=one, at=DAY * np.arange(300), seed=3)

        assert np.count_nonzero(np.diff(found[:, 0])) in (9, 10)
        assert 0.15 < np.mean(found != phase) <= 1.0

    def test_leaves_no_relation_where_the_scopes_of_a_day_follow_each_other_in_a_fixed_order(self) -> None:
        """Four actions a day, always in the same order: a shift by a multiple of four would change nothing."""
        scope = np.tile(np.arange(4), 250)[:, None]
        one = np.zeros(1000, dtype=np.int64)

        found = shift_scopes(scope, pattern=one, category=one, at=DAY * (np.arange(1000) // 4), seed=3)

        assert np.mean(found == scope) < 0.35
