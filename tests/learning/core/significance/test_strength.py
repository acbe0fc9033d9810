"""Strength: by hand, against loops, and what must hold for any beliefs."""

from __future__ import annotations

import math
from dataclasses import astuple, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.significance.strength import NO_BRAKE, Beliefs, Brake, Estimate, Strength, strength_of


def make_beliefs(outcome: Any, lasting: Any, recent: Any = 0.0, **over: Any) -> Beliefs:
    """Return beliefs of one step and one decision a week, each its own unit, unless said otherwise."""
    rows = len(outcome)
    columns: dict[str, Any] = {"step": np.zeros(rows, int), "day": 7.0 * np.arange(rows), "weight": np.ones(rows)}
    believed = {"lasting": lasting, "recent": recent, "outcome": outcome}
    columns |= {name: np.broadcast_to(np.asarray(each, float), rows).copy() for name, each in believed.items()}
    return Beliefs(**(columns | over))


def random_beliefs(seed: int, rows: int = 300, true: tuple[float, float] = (0.7, 0.3), noise: float = 1.0) -> Beliefs:
    """Return beliefs in four steps of which these shares come true, with levels of steps and moves of weeks."""
    rng = np.random.default_rng(seed)
    step, day = np.sort(rng.integers(0, 4, rows)), np.sort(rng.uniform(0, 120, rows))
    lasting, recent = rng.normal(0, 0.3, rows), rng.normal(0.1, 0.2, rows)
    level = rng.normal(0, 1, 4)[step] + rng.normal(0, 0.2, 20)[(day // 7).astype(int)]
    outcome = level + true[0] * lasting + true[1] * recent + noise * rng.normal(0, 1, rows)
    return Beliefs(step, day, lasting, recent, outcome, rng.choice([1.0, 0.5], rows))


def naive(beliefs: Beliefs) -> tuple[list[float], list[list[float]]]:
    """Return mean and covariance of both strengths, with loops over rows, steps and blocks."""
    rows = range(len(beliefs))
    w = beliefs.weight.tolist()
    middle = float(np.median(beliefs.outcome))
    limit = float(np.quantile([abs(each - middle) for each in beliefs.outcome.tolist()], 0.99))
    outcome = [min(max(each, middle - limit), middle + limit) for each in beliefs.outcome.tolist()]
    columns = []
    for values in (beliefs.lasting.tolist(), beliefs.recent.tolist(), outcome):
        centred = []
        for row in rows:
            inside = [other for other in rows if beliefs.step[other] == beliefs.step[row]]
            centred.append(values[row] - sum(w[k] * values[k] for k in inside) / sum(w[k] for k in inside))
        columns.append(centred)
    x, y = columns[:2], columns[2]
    a = [[sum(w[k] * x[i][k] * x[j][k] for k in rows) for j in (0, 1)] for i in (0, 1)]
    pull = [sum(w[k] * x[i][k] * y[k] for k in rows) for i in (0, 1)]
    determinant = a[0][0] * a[1][1] - a[0][1] ** 2
    inverse = np.array([[a[1][1], -a[0][1]], [-a[0][1], a[0][0]]]) / determinant
    least_squares = inverse @ pull
    error = [y[k] - sum(least_squares[i] * x[i][k] for i in (0, 1)) for k in rows]
    blocks = sorted({int(day // 7) for day in beliefs.day})
    meat = np.zeros((2, 2))
    for block in blocks:
        inside = [k for k in rows if int(beliefs.day[k] // 7) == block]
        sums = np.array([sum(w[k] * x[i][k] * error[k] for k in inside) for i in (0, 1)])
        meat += len(blocks) / (len(blocks) - 1) * np.outer(sums, sums)
    steps = len(set(beliefs.step.tolist()))
    ordinary = sum(w[k] * error[k] ** 2 for k in rows) / (len(beliefs) - 2 - steps) * inverse
    measured = np.linalg.inv(inverse @ meat @ inverse + ordinary)
    covariance = np.linalg.inv(measured + 4 * np.eye(2))
    return (covariance @ (measured @ least_squares + 4 * np.ones(2))).tolist(), covariance.tolist()


class TestStrengthOf:
    def test_is_the_least_squares_line_drawn_towards_one_by_the_prior(self) -> None:
        """Believed +-1 in four weeks, earned 1, -1, 0, 0: the slope is 1/2 and the residuals are +-1/2.

        A = 4. Weeks give x e = +-1/2, so the sandwich is 4/3 * 4 * 1/4 = 4/3; s^2 = 1 / (4 - 1 - 1) = 1/2,
        so the ordinary part is 1/2 * 4 = 2. The variance is (4/3 + 2) / 16 = 5/24, its weight 24/5 against 4 of the
        prior: (24/5 * 1/2 + 4) / (24/5 + 4) = 8/11, and the variance of both is 5/44.
        """
        found = strength_of(make_beliefs([1.0, -1.0, 0.0, 0.0], [1.0, -1.0, 1.0, -1.0]))

        assert found is not None
        assert found.whole.value == pytest.approx(8 / 11)
        assert found.whole.se**2 == pytest.approx(5 / 44)
        assert (found.recent.value, found.recent.se) == pytest.approx((1.0, 0.5))
        assert (found.steps, found.decisions) == (1, 4)

    @pytest.mark.parametrize("seed", range(4))
    def test_is_what_the_loops_say(self, seed: int) -> None:
        beliefs = random_beliefs(seed, 120)

        found, (mean, covariance) = strength_of(beliefs), naive(beliefs)

        assert found is not None
        assert [found.lasting.value, found.recent.value] == pytest.approx(mean, rel=1e-9)
        assert found.lasting.se**2 == pytest.approx(covariance[0][0], rel=1e-9)
        assert found.recent.se**2 == pytest.approx(covariance[1][1], rel=1e-9)
        assert found.covariance == pytest.approx(covariance[0][1], rel=1e-9)

    def test_finds_what_came_true(self) -> None:
        found = strength_of(random_beliefs(1, 20_000))

        assert found is not None
        assert found.lasting.value == pytest.approx(0.7, abs=3 * found.lasting.se)
        assert found.recent.value == pytest.approx(0.3, abs=3 * found.recent.se)
        assert found.lasting.se < 0.06

    def test_covers_the_truth_about_as_often_as_it_says(self) -> None:
        found = [strength_of(random_beliefs(seed, 400)) for seed in range(200)]
        inside = [each is not None and each.lasting.low <= 0.7 <= each.lasting.high for each in found]

        assert 0.9 <= np.mean(inside) <= 1.0

    def test_needs_two_blocks_of_days(self) -> None:
        assert strength_of(make_beliefs([1.0, -1.0], [1.0, -1.0], day=np.array([0.0, 6.0]))) is None
        assert strength_of(make_beliefs([], [])) is None

    def test_knows_nothing_but_the_prior_where_beliefs_do_not_differ(self) -> None:
        found = strength_of(make_beliefs([1.0, -1.0, 2.0], [0.3, 0.3, 0.3]))

        assert found is not None
        assert [(each.value, each.se) for each in (found.whole, found.lasting, found.recent)] == [
            pytest.approx((1.0, 0.5))
        ] * 3

    def test_tells_parts_that_always_move_together_from_nothing(self) -> None:
        """Of twice the lasting part, .5 came true: the sum of the strengths is known, their difference is not."""
        believed = np.tile([-1.0, 1.0, 0.5, -0.5], 30)
        found = strength_of(make_beliefs(believed, believed, believed))

        assert found is not None
        assert found.lasting.value == pytest.approx(found.recent.value) == pytest.approx(0.5, abs=1e-6)
        assert found.lasting.se == pytest.approx(0.5 / math.sqrt(2), abs=1e-6)

    @given(st.integers(0, 10**6))
    @settings(deadline=None, max_examples=25)
    def test_does_not_depend_on_levels_of_steps_on_order_or_on_units(self, seed: int) -> None:
        beliefs = random_beliefs(seed)
        order = np.random.default_rng(seed).permutation(len(beliefs))
        known = strength_of(beliefs)
        assert known is not None

        moved = strength_of(replace(beliefs, lasting=beliefs.lasting + 7.0 * beliefs.step, recent=beliefs.recent - 3.0))
        shuffled = strength_of(Beliefs(*(getattr(beliefs, name)[order] for name in beliefs.__dataclass_fields__)))
        scaled = strength_of(
            replace(beliefs, **{name: 3 * getattr(beliefs, name) for name in ("lasting", "recent", "outcome")})
        )

        for each in (moved, shuffled, scaled):
            assert each is not None
            assert each.lasting.value == pytest.approx(known.lasting.value, abs=1e-7)
            assert each.recent.se == pytest.approx(known.recent.se, abs=1e-7)

    @given(st.integers(0, 10**6), st.floats(-3, 3), st.floats(-3, 3), st.sampled_from([1e-6, 0.1, 1.0, 30.0]))
    @settings(deadline=None, max_examples=40)
    def test_is_never_surer_than_measured_nor_less_sure_than_before(
        self, seed: int, lasting: float, recent: float, noise: float
    ) -> None:
        found = strength_of(random_beliefs(seed, 150, (lasting, recent), noise))

        assert found is not None
        for each in (found.whole, found.lasting, found.recent):
            assert 0 <= each.se <= 0.5 + 1e-9
            assert 0 <= each.factor <= 1
            assert math.isfinite(each.value)
        assert found.covariance**2 <= (found.lasting.se * found.recent.se) ** 2 + 1e-12
        assert Strength.from_document(found.to_document()) == found


class TestStrength:
    @pytest.mark.parametrize(("value", "se", "came_true"), [(0.3, 0.05, False), (0.3, 0.2, True), (-1.0, 0.5, False)])
    def test_came_true_where_half_may_have(self, value: float, se: float, came_true: bool) -> None:
        some = Estimate(1.0, 0.5)

        assert Strength(Estimate(value, se), some, some, 0.0, 6, 600).came_true is came_true

    def test_never_brakes_beyond_nothing_nor_drives(self) -> None:
        found = Strength(Estimate(1.0, 0.1), Estimate(1.4, 0.1), Estimate(-0.2, 0.2), 0.01, 6, 600)

        assert astuple(found.brake) == pytest.approx((1.0, 0.0, 0.01, 0.01, 0.04))


class TestBrake:
    def test_does_nothing_where_nothing_is_measured(self) -> None:
        lasting, recent, variance = np.array([0.3, -0.2]), np.array([0.1, 0.4]), np.array([0.01, 0.02])

        assert NO_BRAKE.edge(lasting, recent).tolist() == (lasting + recent).tolist()
        assert NO_BRAKE.variance(lasting, recent, variance).tolist() == variance.tolist()

    def test_widens_an_edge_by_the_error_of_its_strengths(self) -> None:
        """By hand: .8^2 .04 + .01 .25 + 2 (-.005) .5 .2 + .04 .04 = .0256 + .0025 - .001 + .0016."""
        brake = Brake(0.8, 0.4, 0.01, -0.005, 0.04)

        assert brake.edge(np.array([0.5]), np.array([0.2])) == pytest.approx(0.48)
        assert brake.variance(np.array([0.5]), np.array([0.2]), np.array([0.04])) == pytest.approx(0.0287)
