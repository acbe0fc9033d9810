"""The live version against its challenger: numbers by hand, a naive loop, and properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.monitoring.days.day_bootstrap import DRAWS, SEED, day_block_band
from overrides.core.monitoring.replaying.challenger import (
    Column,
    agreement,
    compared,
    histogram,
    movement,
    outcome,
    uplift,
)

reals = st.floats(-0.5, 0.5)
pairs = st.lists(st.tuples(reals, reals, st.booleans(), st.booleans()), min_size=1, max_size=60)


def test_agreement_by_hand() -> None:
    """Of five decisions, one is neutral on both sides and is not counted; one that only live moves is counted."""
    found = agreement(np.array([0.1, -0.1, 0.0, 0.2, 0.3]), np.array([0.14, -0.2, 0.0, -0.4, 0.0]), 0.05)

    assert found["either"] | {"correlation": None} == {"n": 4, "same_side": 0.5, "close": 0.25, "correlation": None}
    assert found["both"]["n"] == 3
    assert found["both"]["same_side"] == pytest.approx(2 / 3)
    assert found["both"]["close"] == pytest.approx(1 / 3)


def test_a_policy_that_never_moves_agrees_with_nobody() -> None:
    found = agreement(np.zeros(4), np.array([0.0, 0.0, 0.1, 0.2]), 0.05)

    assert found["either"] == {"n": 2, "same_side": 0.0, "close": 0.0, "correlation": None}
    assert found["both"] == {"n": 0, "same_side": None, "close": None, "correlation": None}


def test_answers_that_move_together_correlate() -> None:
    found = agreement(np.array([0.1, -0.1, 0.0, 0.2]), np.array([0.2, -0.2, 0.0, 0.4]), 0.05)

    assert found["both"]["correlation"] == pytest.approx(1.0)


def test_answers_that_do_not_vary_have_no_correlation() -> None:
    assert agreement(np.zeros(3), np.array([0.1, 0.2, 0.3]), 0.01)["either"]["correlation"] is None


def test_no_decisions_have_no_shares() -> None:
    nothing = {"n": 0, "same_side": None, "close": None, "correlation": None}
    assert agreement(np.array([]), np.array([]), 0.01) == {"either": nothing, "both": nothing}
    assert movement(np.array([]), np.array([], bool)) == {"mean": None, "sd": None, "at_bounds": None}
    assert outcome(np.array([], int), np.array([]), np.array([]), np.array([]))["n"] == 0


def test_uplift_by_hand() -> None:
    # mean m = 1.1; (-0.2)(-1) + 0(0.5) + 0.2(2) = 0.6 over 3 trades
    assert uplift(np.array([0.9, 1.1, 1.3]), np.array([-1.0, 0.5, 2.0])) == pytest.approx(200.0)


@given(st.lists(st.tuples(st.floats(0.5, 1.5), st.floats(-2, 3)), min_size=1, max_size=40), st.floats(0.1, 5))
def test_uplift_is_blind_to_size_alone(rows: list[tuple[float, float]], added: float) -> None:
    m, rr = np.array(rows).T

    assert uplift(m + added, rr) == pytest.approx(uplift(m, rr), abs=1e-6)


@given(pairs)
def test_agreement_as_a_loop_counts_it(rows: list[tuple[float, float, bool, bool]]) -> None:
    live, other = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    moves = [(abs(a) > 1e-12, abs(b) > 1e-12) for a, b, *_ in rows]
    among = {
        "either": [row for row, (one, two) in zip(rows, moves, strict=True) if one or two],
        "both": [row for row, (one, two) in zip(rows, moves, strict=True) if one and two],
    }

    found = agreement(live, other, 0.1)

    for name, some in among.items():
        same = sum((a > 0) - (a < 0) == (b > 0) - (b < 0) for a, b, *_ in some)
        near = sum(abs(a - b) <= 0.1 * (1 + 1e-12) for a, b, *_ in some)
        n, correlation = len(some), found[name]["correlation"]
        assert found[name]["n"] == n
        assert (found[name]["same_side"], found[name]["close"]) == ((same / n, near / n) if n else (None, None))
        assert correlation is None or -1 <= correlation <= 1


@given(pairs)
def test_every_answer_is_in_the_histogram_once(rows: list[tuple[float, float, bool, bool]]) -> None:
    live, other = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])

    found = histogram(live, other)

    assert sum(found["before"]) == sum(found["after"]) == len(rows)


def test_the_same_answers_agree_in_everything() -> None:
    units, cut = np.array([0.1, -0.2, 0.0]), np.array([True, False, False])

    found = compared(Column(units, units, cut, cut), 0.01)

    assert (found["either"]["n"], found["either"]["same_side"], found["either"]["close"]) == (2, 1.0, 1.0)
    assert found["changed"] == 0
    assert found["live"] == found["challenger"]


def test_the_band_of_an_uplift_is_that_of_a_loop_over_draws() -> None:
    random = np.random.default_rng(1)
    day = np.repeat(np.arange(12), 5)
    live, other, rr = random.uniform(0.8, 1.2, 60), random.uniform(0.8, 1.2, 60), random.normal(0, 1, 60)

    found = outcome(day, live, other, rr)

    counts = np.random.default_rng(SEED).multinomial(12, np.full(12, 1 / 12), size=DRAWS)
    drawn = []
    for draw in counts:
        rows = np.concatenate([np.repeat(np.flatnonzero(day == each), times) for each, times in enumerate(draw)])
        drawn.append(uplift(other[rows], rr[rows]) - uplift(live[rows], rr[rows]))
    assert found["difference"]["low"] == pytest.approx(np.quantile(drawn, 0.025))
    assert found["difference"]["high"] == pytest.approx(np.quantile(drawn, 0.975))
    assert found["difference"]["mean"] == pytest.approx(uplift(other, rr) - uplift(live, rr))


def test_a_challenger_that_answers_the_same_differs_by_nothing() -> None:
    random = np.random.default_rng(2)
    m, rr = random.uniform(0.8, 1.2, 40), random.normal(0, 1, 40)

    found = outcome(np.repeat(np.arange(8), 5), m, m, rr)["difference"]

    assert (found["mean"], found["low"], found["high"]) == (0.0, 0.0, 0.0)


def test_one_day_has_no_band() -> None:
    found = outcome(np.zeros(3, int), np.array([0.9, 1.0, 1.1]), np.ones(3), np.array([-1.0, 0.0, 1.0]))

    assert (found["days"], found["is_few"]) == (1, True)
    assert found["difference"]["low"] is found["difference"]["high"] is None


def test_a_mean_has_no_band_over_one_day_and_one_over_more() -> None:
    one, more = day_block_band(np.zeros(3, int), np.ones(3)), day_block_band(np.arange(3), np.array([1.0, 2.0, 3.0]))

    assert one is not None
    assert more is not None
    assert one.low is None
    assert more.low is not None
    assert more.low <= more.mean <= more.high  # type: ignore[operator]
