from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.core.lifetime.e_process import DayDependence, Evidence

INDEPENDENT = DayDependence(0.0, 0.0)


def taken(evidence: Evidence, day: int, n: float, total: float, dependence: DayDependence = INDEPENDENT) -> None:
    evidence.take_day(day, np.array([0]), np.array([n]), np.array([total]), dependence)


def test_evidence_is_that_worked_by_hand() -> None:
    evidence = Evidence.of_new(1)
    dependence = DayDependence(0.2, 0.5)

    taken(evidence, 0, 4, 2.0, dependence)  # V = 4 (1 + .6) = 6.4
    taken(evidence, 3, 2, 1.0, dependence)  # A = .125 (.8) = .1, V = 2 (1 + .2 + .2) = 2.8

    u, i = 4 * 2 / 6.4 + 2 * 1 / 2.8, 16 / 6.4 + 4 / 2.8
    assert [evidence.u[0], evidence.i[0], evidence.a[0], evidence.n[0]] == pytest.approx([u, i, 0.1, 6])
    by_scale = [math.exp(u * u * t * t / (2 * (1 + t * t * i))) / math.sqrt(1 + t * t * i) for t in (0.23, 0.46)]
    assert evidence.e_values()[0] == pytest.approx(sum(by_scale) / 2)


def test_independent_noise_has_an_expected_value_of_one_at_most() -> None:
    lines, random = 20_000, np.random.default_rng(7)
    evidence = Evidence.of_new(lines)
    largest = np.zeros(lines)
    for day in range(30):
        sums = random.normal(0, math.sqrt(2), lines)
        evidence.take_day(day, np.arange(lines), np.full(lines, 2.0), sums, INDEPENDENT)
        largest = np.maximum(largest, evidence.e_values())
        if day == 1:  # later, the mean of a sample is that of its few largest values
            assert evidence.e_values().mean() == pytest.approx(1, abs=0.03)

    assert (largest >= 20).mean() <= 1 / 20


def test_a_day_is_taken_in_once() -> None:
    evidence = Evidence.of_new(1)
    taken(evidence, 4, 1, 1.0)

    with pytest.raises(ValueError, match="already taken in"):
        taken(evidence, 4, 1, 1.0)


def test_a_restart_forgets_everything() -> None:
    evidence = Evidence.of_new(2)
    taken(evidence, 4, 30, 25.0)
    evidence.restart(np.array([0]))

    assert evidence.e_values().tolist() == [1.0, 1.0]
    taken(evidence, 4, 1, 1.0)  # a line without outcomes takes in any day
    assert evidence.n.tolist() == [1.0, 0.0]


def test_lines_are_appended() -> None:
    first, second = Evidence.of_new(1), Evidence.of_new(2)
    taken(first, 0, 3, 1.0)
    first.append(second)

    assert (len(first), first.n.tolist()) == (3, [3.0, 0.0, 0.0])


@pytest.mark.parametrize(("rho", "phi"), [(-0.1, 0), (1.1, 0), (0.2, 1.0), (0.2, -0.1)])
def test_correlations_outside_their_range_are_refused(rho: float, phi: float) -> None:
    with pytest.raises(ValueError, match="dependence"):
        DayDependence(rho, phi)


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 500), st.floats(-1e6, 1e6)), max_size=30),
    st.floats(0, 1),
    st.floats(0, 0.99),
)
def test_e_values_are_finite_and_not_negative(days: list[tuple[int, int, float]], rho: float, phi: float) -> None:
    evidence, day = Evidence.of_new(1), 0
    for gap, n, total in days:
        day += gap
        taken(evidence, day, n, total, DayDependence(rho, phi))

    (value,) = evidence.e_values()
    assert 0 <= value < math.inf
