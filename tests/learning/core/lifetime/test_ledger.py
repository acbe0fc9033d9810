from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.lifetime.e_process import DayDependence
from learning.core.lifetime.ledger import Ledger
from tests.learning.core.lifetime import naive

DEPENDENCE = DayDependence(0.2, 0.5)
Days = list[dict[int, tuple[float, float]]]


def drawn(seed: int, lines: int = 8, days: int = 60, flip: bool = True) -> Days:
    random = np.random.default_rng(seed)
    edge = np.where(np.arange(lines) % 2, 1.2, 0.0)
    found: Days = []
    for day in range(days):
        now = -edge if flip and day > days // 2 else edge
        n = random.integers(0, 4, lines).astype(float)
        found.append(
            {i: (n[i], float(n[i] * now[i] + np.sqrt(n[i]) * random.normal())) for i in np.flatnonzero(n).tolist()}
        )
    return found


def replay(ledger: Ledger, days: Days, first: int = 0) -> Ledger:
    for day, found in enumerate(days, first):
        at = np.array(sorted(found), dtype=np.int64)
        n, total = (np.array([found[i][k] for i in at.tolist()]) for k in (0, 1))
        expected = np.full(len(ledger.number), 5000.0)
        ledger.take_day(day, at, n, total, dependence=DEPENDENCE, expected=expected, alpha=0.1)
    return ledger


@pytest.mark.parametrize("seed", range(6))
def test_the_columns_agree_with_one_line_at_a_time(seed: int) -> None:
    days, life = drawn(seed), naive.Life([naive.Line() for _ in range(8)], 3, DEPENDENCE.rho, DEPENDENCE.phi, 0.1)
    ledger = replay(Ledger.of_new(8, 3), days)
    for day, found in enumerate(days):
        life.take(day, found)

    assert ledger.times.tolist() == [line.times for line in life.lines]
    assert ledger.sign.tolist() == [line.sign for line in life.lines]
    assert ledger.share.tolist() == pytest.approx([line.share for line in life.lines])
    assert ledger.evidence.e_values().tolist() == pytest.approx([line.e(0.2, 0.5) for line in life.lines])
    assert ledger.ever == life.ever >= 2
    assert ledger.arrivals == life.arrivals


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 40))
def test_a_life_in_two_pieces_is_the_same_life(seed: int, cut: int) -> None:
    days = drawn(seed, days=40)
    whole = replay(Ledger.of_new(8), days)
    pieces = replay(deepcopy(replay(Ledger.of_new(8), days[:cut])), days[cut:], cut)

    assert whole.evidence.u.tolist() == pieces.evidence.u.tolist()
    assert whole.number.tolist() == pieces.number.tolist()
    assert (whole.ever, whole.spent) == (pieces.ever, pieces.spent)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_the_order_of_arrival_depends_on_counts_alone(seed: int) -> None:
    days = drawn(seed, days=25, flip=False)
    other = [{i: (n, -7 * total + 1) for i, (n, total) in found.items()} for found in days]
    first, second = Ledger.of_new(8), Ledger.of_new(8)
    for ledger, life in ((first, days), (second, other)):
        for day, found in enumerate(life):
            at = np.array(sorted(found), dtype=np.int64)
            n, total = (np.array([found[i][k] for i in at.tolist()]) for k in (0, 1))
            ledger.evidence.take_day(day, at, n, total, DEPENDENCE)
            ledger.arrive(np.full(8, 100.0))

    assert first.number.tolist() == second.number.tolist()
    assert first.share.tolist() == second.share.tolist()


def test_a_withdrawn_line_spends_anew_and_stays_counted() -> None:
    ledger = replay(Ledger.of_new(8), drawn(3))

    withdrawn = np.flatnonzero(ledger.withdrawn >= 0)
    assert len(withdrawn) > 0
    assert (ledger.number[withdrawn] > 8).all()
    assert ledger.ever >= ledger.times.max() > 0
    assert 0 < ledger.spent <= 1
