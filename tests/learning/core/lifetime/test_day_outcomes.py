from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from learning.core.cells.rows import Floats
from learning.core.evidence_method.observations import Observations
from learning.core.lifetime.day_outcomes import (
    Standard,
    closed_rows,
    dependence_of,
    line_days,
    standardised,
    with_shares,
)

STANDARD = Standard(3.0, 10.0)


def drawn(rows: int = 600, seed: int = 1, patterns: int = 2) -> Observations:
    random = np.random.default_rng(seed)
    day = np.sort(random.uniform(0, 100, rows))
    scope = random.integers(0, 2, (rows, 2)).astype(np.int32)
    pattern = random.integers(0, patterns, rows)
    return Observations.of_trades(day, pattern, np.zeros(rows, int), scope, random.normal(0.5, 2, rows), ("a", "b"))


def naive(rows: Observations, at: int) -> float:
    """Standardise one outcome from the rows of earlier days, each with a share of 1."""
    day, centre = np.floor(rows.day), rows.outcome.mean()
    y: Floats = rows.outcome - centre

    def limits(upto: float, pattern: int) -> tuple[float, float, float]:
        known = y[day < upto]
        own = y[(day < upto) & (rows.pattern == pattern)]
        middle = (own.sum() + 10 * (known.mean() if len(known) else 0)) / (len(own) + 10)
        squares = (own**2).sum() + 10 * ((known**2).mean() if len(known) else 0)
        return middle, float(np.sqrt(max(squares / (len(own) + 10) - middle**2, 0))), len(own)

    def kept(row: int) -> float:
        n = limits(day[row], rows.pattern[row])[2]
        before = np.flatnonzero((day < day[row]) & (rows.pattern == rows.pattern[row]))
        lost = sum(y[each] - clipped(each) for each in before.tolist()) / (n + 10)
        return clipped(row) + float(lost)

    def clipped(row: int) -> float:
        middle, sd, _ = limits(day[row], rows.pattern[row])
        if (day < day[row]).sum() < 20:
            return float(y[row])
        return float(np.clip(y[row], middle - 3 * sd, middle + 3 * sd))

    baseline = np.mean([kept(row) for row in np.flatnonzero(day < day[at]).tolist()])
    return (kept(at) - float(baseline)) / limits(day[at], rows.pattern[at])[1]


def test_outcomes_are_standardised_by_the_days_before() -> None:
    rows = drawn(120)
    found = standardised(rows, np.ones(120), STANDARD)

    for at in (60, 90, 119):
        assert found[at] == pytest.approx(naive(rows, at))
    assert np.isnan(found[:10]).all()


def test_later_days_change_no_earlier_outcome() -> None:
    rows = drawn()
    early = np.floor(rows.day) < 50
    changed = replace(rows, outcome=np.where(early, rows.outcome, 9 - rows.outcome))

    before, after = (standardised(each, np.ones(600), STANDARD)[early] for each in (rows, changed))
    np.testing.assert_allclose(before, after, atol=1e-9)


def test_a_day_is_closed_after_the_wait_and_late_trades_stay_out() -> None:
    rows = replace(drawn(4), day=np.array([0.5, 0.9, 1.0, 3.0]), known=np.array([3.0, 3.1, 4.0, 9.0]))

    assert closed_rows(rows, 1, 2.0).tolist() == [True, False, True, False]


def test_lines_and_their_days_are_counted_as_one_by_one() -> None:
    rows, share = with_shares(drawn())
    outcome = standardised(rows, share, STANDARD)
    found = line_days(rows, share, outcome, 2)

    assert len(found.lines) == 2 * (1 + 4 + 4)
    known = np.isfinite(outcome)
    for number, (pattern, _, scope) in enumerate(found.lines):
        inside = known & (rows.pattern == pattern)
        for dimension, value in enumerate(scope):
            inside &= (value == -1) | (rows.scope[:, dimension] == value)
        mine = found.line == number
        assert found.n[mine].sum() == inside.sum()
        assert found.total[mine].sum() == pytest.approx(outcome[inside].sum())
        assert found.first[number] == np.floor(rows.day[inside]).min()


def test_a_shock_of_the_day_is_measured_and_persistence_raises_it() -> None:
    random = np.random.default_rng(4)
    rows = drawn(4000, patterns=1)
    shock = random.normal(size=101)
    single = replace(rows, outcome=shock[rows.day.astype(int)] + random.normal(0, 1, 4000))
    found = dependence_of(single, np.ones(4000), single.outcome)

    assert 0.3 < found.rho < 0.9
    assert dependence_of(rows, np.ones(4000), random.normal(0, 1, 4000)).rho < 0.05


def test_nothing_known_is_independent() -> None:
    rows = drawn(5)
    assert dependence_of(rows, np.ones(5), np.full(5, np.nan)).rho == 0
