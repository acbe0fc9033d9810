from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.cells.rows import MISSING, Floats
from learning.core.evidence_method.fit import Fit, fit
from learning.core.evidence_method.fold_down import Overrides, fold_down
from learning.core.evidence_method.observations import Observations
from learning.core.evidence_method.predict import predict
from learning.core.significance.strength import Brake
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from tests.learning.core.evidence_method.builders import AS_OF, make_observations, random_observations
from tests.learning.core.evidence_method.naive import OWNERS, NaiveFit

DEFAULTS = EvidenceParameters(n_min=5, effective_days=4)


def matching_sum(overrides: Overrides, observations: Observations) -> Floats:
    """Return the sum of b over the overrides that match each observation."""
    total = np.zeros(len(observations))
    for row in range(len(overrides)):
        closed = overrides.scope[row] != MISSING
        inside = (observations.scope[:, closed] == overrides.scope[row][closed]).all(axis=1)
        inside &= observations.pattern == overrides.pattern[row]
        inside &= observations.category == overrides.category[row]
        total[inside] += overrides.b[row]
    return total


def sum_of_effects(found: Fit) -> Floats:
    """Return what a fit expects of each of its rows, in units of its scale."""
    total = np.zeros(len(found.order))
    for block in found.blocks:
        total[: block.rows] += np.append(block.b, 0.0)[block.cells.cell]
    return total


class TestFold:
    @pytest.mark.parametrize("shared", [False, True])
    def test_is_what_the_loops_say_of_every_key(self, shared: bool) -> None:
        observations = random_observations(4, shared=shared)

        found, naive = fold_down(fit(observations, AS_OF, DEFAULTS)), NaiveFit(observations, AS_OF, DEFAULTS)

        assert len(found) > 60
        for row in range(len(found)):
            key = int(found.pattern[row]), int(found.category[row]), tuple(found.scope[row].tolist())
            expected = naive.fold(*key)
            assert found.n[row] == expected["n"]
            for name in ("weight", "raw", "raw_se", "b", "recent", "left_out"):
                assert getattr(found, name)[row] == pytest.approx(expected[name], rel=1e-9, abs=1e-9)
            assert found.sd[row] ** 2 == pytest.approx(expected["var"], rel=1e-9)
            assert found.parts[row] == pytest.approx([expected[owner] for owner in OWNERS], rel=1e-9, abs=1e-9)
            assert found.days[row] == pytest.approx([expected.get(f"{owner} days", 0.0) for owner in OWNERS])

    @given(st.integers(0, 10**6))
    @settings(deadline=None, max_examples=15)
    def test_adds_up_to_the_prediction_of_the_fit(self, seed: int) -> None:
        observations = random_observations(seed, 150)
        found = fit(observations, AS_OF, DEFAULTS)

        expected = predict(found, observations.pattern, observations.category, observations.scope)

        assert matching_sum(fold_down(found), observations) == pytest.approx(expected.edge, abs=1e-12)

    @given(st.integers(0, 10**6), st.floats(0, 1))
    @settings(deadline=None, max_examples=15)
    def test_adds_up_to_the_braked_prediction_where_both_parts_are_braked_alike(
        self, seed: int, strength: float
    ) -> None:
        observations = random_observations(seed, 150)
        found, brake = fit(observations, AS_OF, DEFAULTS), Brake(strength, strength)

        expected = predict(found, observations.pattern, observations.category, observations.scope).braked(brake)

        assert matching_sum(fold_down(found, brake), observations) == pytest.approx(expected.edge, abs=1e-12)

    @given(st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 1))
    @settings(deadline=None, max_examples=15)
    def test_brakes_each_claim_and_keeps_what_was_fitted(self, seed: int, lasting: float, recent: float) -> None:
        found = fit(random_observations(seed, 150), AS_OF, DEFAULTS)

        braked, free = fold_down(found, Brake(lasting, recent, 0.02, -0.01, 0.03)), fold_down(found)

        fitted = braked.believed.sum(axis=1)
        linear = lasting * braked.believed[:, 0] + recent * braked.believed[:, 1]
        assert braked.b == pytest.approx(np.clip(linear, np.minimum(fitted, 0), np.maximum(fitted, 0)), abs=1e-12)
        assert braked.parts.sum(axis=1) == pytest.approx(braked.b)
        assert free.believed.sum(axis=1) == pytest.approx(free.b)
        assert sorted(braked.raw.round(12)) == sorted(free.raw.round(12))

    def test_keeps_what_was_tested_where_the_brake_leaves_nothing(self) -> None:
        found = fit(random_observations(8), AS_OF, DEFAULTS)

        free, nothing = fold_down(found), fold_down(found, Brake(0.0, 0.0))

        assert len(nothing) == len(free) > 0
        assert not nothing.b.any()
        assert (nothing.lfsr == 0.5).all()
        assert not nothing.owner_shares.any()

    def test_doubts_the_sign_more_the_less_sure_the_strength(self) -> None:
        found = fit(random_observations(8), AS_OF, DEFAULTS)

        sure, unsure = (fold_down(found, Brake(variance_lasting=error)) for error in (0.0, 0.25))

        assert (np.sort(unsure.lfsr) >= np.sort(sure.lfsr)).all()
        assert unsure.b == pytest.approx(sure.b)
        assert (unsure.sd > sure.sd).any()

    @given(st.integers(0, 10**6))
    @settings(deadline=None, max_examples=15)
    def test_keeps_rates_shares_and_ranks_in_their_ranges(self, seed: int) -> None:
        found = fold_down(fit(random_observations(seed, 200), AS_OF, DEFAULTS))

        assert ((found.lfsr >= 0) & (found.lfsr <= 0.5)).all()
        assert found.owner_shares.sum(axis=1) == pytest.approx(1.0)
        assert found.parts.sum(axis=1) == pytest.approx(found.b)
        assert (np.diff(found.score) <= 0).all()
        assert (found.sd > 0).all()
        assert (found.raw_se > 0).all()

    def test_doubts_the_sign_by_how_many_sds_b_is_from_zero(self) -> None:
        found = fold_down(fit(random_observations(8), AS_OF, DEFAULTS))

        expected = [math.erfc(abs(b) / sd / math.sqrt(2)) / 2 for b, sd in zip(found.b, found.sd, strict=True)]
        assert found.lfsr == pytest.approx(expected)

    def test_inherits_on_few_trades_of_its_own(self) -> None:
        """Value 1 earns 2 R more in a pattern of 300 trades; one of ten trades inherits that."""
        scope = (np.arange(310) % 2)[:, None]
        outcome = np.where(scope[:, 0] == 1, 2.0, 0.0) + np.arange(310) // 2 % 2
        pattern = np.repeat([0, 1], [300, 10])

        found = fold_down(
            fit(make_observations(outcome, scope, day=np.arange(310), pattern=pattern), AS_OF, EvidenceParameters())
        )

        mine = (found.pattern == 1) & (found.scope[:, 0] == 1)
        assert found.n[mine].tolist() == [5]
        assert found.b[mine][0] > 0.4
        assert found.owner_shares[mine].tolist() == [[1.0, 0.0, 0.0]]

    def test_leaves_out_what_was_learned_on_few_days_and_keeps_its_variance(self) -> None:
        """300 trades of value 1 earned 1 R more, all on two days; the same trades over thirty days are believed."""
        rng = np.random.default_rng(6)
        scope = (np.arange(600) % 2)[:, None]
        outcome = scope[:, 0] + rng.normal(0, 1, 600)
        days = {count: AS_OF - 30 + np.arange(600) // 2 % count * (30 / count) for count in (2, 30)}

        few, many = (
            fold_down(fit(make_observations(outcome, scope, day=days[count]), AS_OF, EvidenceParameters()))
            for count in (2, 30)
        )

        assert len(few) == 0
        assert many.b.max() > 0.3
        assert many.days.max() == pytest.approx(30, abs=1)
        fitted = fit(make_observations(outcome, scope, day=days[2]), AS_OF, EvidenceParameters())
        (block, *_) = (each for each in fitted.blocks if np.abs(each.left_out).max() > 0.1)
        assert block.b.tolist() == [0.0, 0.0]
        assert (block.var > 0).all()
        assert fitted.residual * fitted.noise.scale == pytest.approx(
            (fitted.noise.outcome - sum_of_effects(fitted)) * fitted.noise.scale
        )

    def test_of_outcomes_that_never_differ_is_nothing(self) -> None:
        constant = replace(random_observations(1), outcome=np.full(400, 0.4))

        assert len(fold_down(fit(constant, AS_OF, DEFAULTS))) == 0

    def test_of_one_trade_is_nothing(self) -> None:
        assert len(fold_down(fit(make_observations([2.0], [[1, 2]]), AS_OF, DEFAULTS))) == 0

    def test_dates_what_is_recent(self) -> None:
        """A pattern that earned nothing for a year and 1 R in the last 60 days: most of its edge is recent."""
        rng = np.random.default_rng(3)
        day, pattern = rng.uniform(0, AS_OF, 3000), rng.integers(0, 4, 3000)
        category = rng.integers(0, 2, 3000)
        outcome = rng.normal(0, 1, 3000) + 1.0 * ((pattern == 2) & (day > AS_OF - 60))
        observations = make_observations(outcome, day=day, pattern=pattern, category=category)

        found = fold_down(fit(observations, AS_OF, EvidenceParameters()))

        shifted = found.pattern == 2
        assert (found.recent[shifted] > 0.5 * found.b[shifted]).all()
        assert (found.b[shifted] > 0.5).all()


class TestRanked:
    def test_breaks_ties_by_what_the_override_is(self) -> None:
        found = fold_down(fit(random_observations(1), AS_OF, DEFAULTS))
        equal = replace(found, b=np.ones(len(found)), n=np.ones(len(found), dtype=np.int64))
        shuffled = equal.take(np.random.default_rng(1).permutation(len(found)))

        first, second = equal.ranked(), shuffled.ranked()

        dims = (first.scope != MISSING).sum(axis=1)
        assert (np.diff(dims) >= 0).all()
        for name in ("pattern", "category", "scope"):
            assert np.array_equal(getattr(first, name), getattr(second, name))
