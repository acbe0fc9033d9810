from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.cells.effect_cells import digits_of
from learning.core.cells.rows import Floats
from learning.core.evidence_method.blocks import BlockClass
from learning.core.evidence_method.coding import Owner
from learning.core.evidence_method.fit import Block, Fit, fit
from learning.core.evidence_method.observations import Observations
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from tests.learning.core.evidence_method.builders import AS_OF, NORMAL, make_observations, random_observations
from tests.learning.core.evidence_method.naive import OWNERS, Cell, NaiveFit

DEFAULTS = EvidenceParameters(n_min=5)


def cells_of(found: Fit, block: Block) -> list[Cell]:
    """Return the naive name of each cell of a block."""
    coding = found.coding
    owner, *values = digits_of(block.cells.key, coding.widths, block.cells.columns)
    who: list[tuple[int, ...]] = [()] * len(owner)
    if block.block_class.owner is Owner.PATTERN:
        who = [(int(coding.patterns[digit - 1]),) for digit in owner]
    if block.block_class.owner is Owner.OWN:
        patterns, categories = coding.patterns[coding.group_pattern], coding.categories[coding.group_category]
        who = [(int(patterns[digit - 1]), int(categories[digit - 1])) for digit in owner]
    dims = [coding.values[c - 3][v - 1].tolist() for c, v in zip(block.cells.columns[1:], values, strict=True)]
    return [(*first, *rest) for first, *rest in zip(who, *dims, strict=True)]


class TestAgainstTheLoops:
    @pytest.mark.parametrize("shared", [False, True])
    @pytest.mark.parametrize("shock", [0.0, 1.5])
    def test_every_effect_is_the_same(self, shock: float, shared: bool) -> None:
        observations = random_observations(2, shared=shared, shock=shock)

        found, naive = fit(observations, AS_OF, DEFAULTS), NaiveFit(observations, AS_OF, DEFAULTS)

        for lags, expected_lags in ((found.sample.days.of_all, "all"), (found.sample.days.of_patterns, "pattern")):
            assert lags == pytest.approx(naive.lags[expected_lags], rel=1e-9)
        seen = 0
        for block in found.blocks:
            dims = tuple(column - 3 for column in block.cells.columns[1:])
            expected = naive.blocks[OWNERS[block.block_class.owner], dims, block.block_class.recent]
            cells, scale = cells_of(found, block), found.noise.scale
            assert set(cells) == set(expected)
            effects = [expected[cell] for cell in cells]
            assert block.cells.n.tolist() == [len(effect.units) for effect in effects]
            assert block.m * scale == pytest.approx([effect.m for effect in effects], rel=1e-9, abs=1e-9)
            assert block.b * scale == pytest.approx([effect.b for effect in effects], rel=1e-9, abs=1e-9)
            assert block.var * scale**2 == pytest.approx([effect.var for effect in effects], rel=1e-9)
            assert block.days == pytest.approx([effect.days for effect in effects], rel=1e-9)
            assert block.left_out * scale == pytest.approx([effect.left_out for effect in effects], rel=1e-9, abs=1e-9)
            assert found.lfsr(block) == pytest.approx([naive.lfsr(effect) for effect in effects], rel=1e-9)
            seen += len(cells)
        assert seen == sum(len(cells) for cells in naive.blocks.values()) > 50

    def test_the_means_and_the_prior_are_the_same(self) -> None:
        observations = random_observations(3)

        found, naive = fit(observations, AS_OF, DEFAULTS), NaiveFit(observations, AS_OF, DEFAULTS)

        assert found.noise.mu0 == pytest.approx([naive.mu0[0], naive.mu0[1]])
        assert found.noise.sd * found.noise.scale == pytest.approx([naive.sd[p] for p in range(3)])
        for of, pi in found.pi.items():
            assert pi == pytest.approx(naive.pi[of.size, OWNERS[of.owner], of.recent])


class TestClosedForms:
    def test_one_block_under_a_normal_prior_is_shrunk_by_its_reliability(self) -> None:
        """b = s^2 / (s^2 + sd_p^2 / n) (mean of cell - mean), the textbook normal-normal estimate."""
        rng = np.random.default_rng(5)
        scope, outcome = rng.integers(0, 4, (200, 1)), rng.normal(0, 1, 200)

        found = fit(make_observations(outcome, scope), AS_OF, NORMAL)

        (block,) = found.blocks
        sd, variance = outcome.std(), (0.3 * outcome.std()) ** 2
        for value in range(4):
            mine = outcome[scope[:, 0] == value]
            reliability = variance / (variance + sd**2 / len(mine))
            assert block.b[value] * sd == pytest.approx(reliability * (mine.mean() - outcome.mean()))
            assert block.var[value] * sd**2 == pytest.approx(reliability * sd**2 / len(mine))

    def test_all_blocks_under_a_normal_prior_are_the_ridge_regression(self) -> None:
        observations = random_observations(7, 150, (2, 3), gaps=0.0)

        found = fit(observations, AS_OF, NORMAL)

        design, y, precision = self.design(found)
        hessian = design.T @ (precision[:, None] * design) + np.eye(design.shape[1]) / 0.3**2
        expected = np.linalg.solve(hessian, design.T @ (precision * y))
        assert np.concatenate([block.b for block in found.blocks]) == pytest.approx(expected, abs=1e-6)

    @staticmethod
    def design(found: Fit) -> tuple[Floats, Floats, Floats]:
        """Return one column for each cell, the outcome, and its precision."""
        columns = [np.eye(len(block.cells) + 1)[block.cells.cell, :-1] for block in found.blocks]
        return np.concatenate(columns, axis=1), found.noise.outcome, found.sample.precision

    def test_the_prior_of_one_block_maximises_the_marginal_likelihood(self) -> None:
        rng = np.random.default_rng(11)
        scope = rng.integers(0, 60, (6000, 1))
        edges = np.where(np.arange(60) % 3 == 0, rng.normal(0, 0.8, 60), 0.0)
        outcome = rng.normal(0, 1, 6000) + edges[scope[:, 0]]

        found = fit(make_observations(outcome, scope), AS_OF, replace(NORMAL, grid=(0.0, 0.6), null_mass=(0.5,) * 3))

        (block,), null = found.blocks, np.linspace(0, 1, 2001)[1:-1]
        total = block.v[:, None] + np.array([0.0, 0.36])
        density = np.exp(-0.5 * block.m[:, None] ** 2 / total) / np.sqrt(total)
        likelihood = np.log(density[:, :1] * null + density[:, 1:] * (1 - null)).sum(axis=0)
        assert found.pi[block.block_class][0] == pytest.approx(null[likelihood.argmax()], abs=1e-3)


class TestAscent:
    def test_never_lowers_the_bound_it_climbs(self) -> None:
        observations = random_observations(13)

        bounds = [
            evidence_bound(fit(observations, AS_OF, replace(DEFAULTS, sweeps=sweeps, same_day=False)))
            for sweeps in range(1, 9)
        ]

        assert (np.diff(bounds) > -1e-9).all()
        assert bounds[-1] - bounds[0] > 0.1

    def test_the_residual_is_what_the_effects_leave(self) -> None:
        found = fit(random_observations(17), AS_OF, DEFAULTS)

        fitted = np.zeros(len(found.residual))
        for block in found.blocks:
            fitted[: block.rows] += np.append(block.b, 0.0)[block.cells.cell]
        assert found.residual == pytest.approx(found.noise.outcome - fitted, abs=1e-12)


def evidence_bound(found: Fit) -> float:
    """Return the objective of the ascent: expected log likelihood - divergence from the prior + null counts."""
    spread = np.zeros(len(found.residual))
    divergence, variances = 0.0, np.square(found.parameters.grid)
    for block in found.blocks:
        spread[: block.rows] += np.append(block.var, 0.0)[block.cells.cell]
        pi, phi = found.pi[block.block_class], np.maximum(block.phi, 1e-300)
        shrinkage = variances[1:] / (variances[1:] + block.v[:, None])
        mean, var = shrinkage * block.m[:, None], shrinkage * block.v[:, None]
        normal = 0.5 * ((var + mean**2) / variances[1:] - 1 - np.log(var / variances[1:]))
        divergence += float((phi * np.log(phi / pi)).sum() + (phi[:, 1:] * normal).sum())
    likelihood = -0.5 * float((found.sample.precision * (found.residual**2 + spread)).sum())
    nulls = sum(found.parameters.null_counts[of.size] * np.log(pi[0]) for of, pi in found.pi.items())
    return likelihood - divergence + float(nulls)


def all_numbers(found: Fit) -> Floats:
    vectors = [(block.m, block.v, block.b, block.var, found.lfsr(block)) for block in found.blocks]
    columns = [np.concatenate(each) for each in zip(*vectors, strict=True)] if vectors else []
    return np.concatenate([*columns, found.noise.mu0, found.noise.sd, [found.noise.scale], *found.pi.values()])


class TestProperties:
    @given(st.integers(0, 10**6), st.booleans())
    @settings(deadline=None, max_examples=25)
    def test_no_effect_exceeds_what_its_trades_say_and_no_rate_leaves_0_to_1(self, seed: int, shared: bool) -> None:
        found = fit(random_observations(seed, 200, shared=shared), AS_OF, DEFAULTS)

        for block in found.blocks:
            assert (np.abs(block.b) <= np.abs(block.m) * (1 + 1e-12)).all()
            assert (block.b * block.m >= 0).all()
            lfsr = found.lfsr(block)
            assert ((lfsr >= 0) & (lfsr <= 1)).all()

    @given(st.integers(0, 10**6), st.integers(0, 10**6), st.booleans())
    @settings(deadline=None, max_examples=25)
    def test_the_order_of_rows_says_nothing(self, seed: int, other: int, shared: bool) -> None:
        observations = random_observations(seed, 200, shared=shared)
        shuffled = observations.take(np.random.default_rng(other).permutation(200))

        first, second = (all_numbers(fit(each, AS_OF, DEFAULTS)) for each in (observations, shuffled))

        assert np.array_equal(first, second)

    @given(st.integers(0, 10**6), st.floats(1e-6, 1e6), st.floats(-100, 100))
    @settings(deadline=None, max_examples=25)
    def test_units_and_origin_of_outcomes_say_nothing(self, seed: int, unit: float, shift: float) -> None:
        observations = random_observations(seed, 200)
        other = replace(observations, outcome=unit * (observations.outcome + shift))

        first, second = fit(observations, AS_OF, DEFAULTS), fit(other, AS_OF, DEFAULTS)

        assert second.noise.scale == pytest.approx(unit * first.noise.scale, rel=1e-6)
        assert second.noise.mu0 == pytest.approx(unit * (first.noise.mu0 + shift), rel=1e-6, abs=1e-6 * unit)
        for one, two in zip(first.blocks, second.blocks, strict=True):
            assert two.b == pytest.approx(one.b, rel=1e-6, abs=1e-9)
            assert two.var == pytest.approx(one.var, rel=1e-6)

    @given(st.integers(0, 10**6), st.integers(2, 5))
    @settings(deadline=None, max_examples=20)
    def test_more_of_the_same_trades_narrow_every_interval(self, seed: int, times: int) -> None:
        once = replace(random_observations(seed, 100, patterns=1), category=np.zeros(100, dtype=np.int64))
        again = repeated(once, times)
        single = replace(NORMAL, sweeps=3)

        for few, many in zip(fit(once, AS_OF, single).blocks, fit(again, AS_OF, single).blocks, strict=True):
            same = np.isin(many.cells.key, few.cells.key)
            assert (many.v[same] < few.v).all()
            assert (many.var[same] < few.var).all()

    @given(
        st.lists(
            st.tuples(st.floats(-1e9, 1e9), st.floats(0, AS_OF), st.integers(-1, 2), st.integers(0, 1)),
            min_size=1,
            max_size=30,
        ),
        st.floats(0.01, 1e9),
    )
    @settings(deadline=None, max_examples=200)
    def test_whatever_the_outcomes_no_number_is_lost(
        self, rows: list[tuple[float, float, int, int]], half_life: float
    ) -> None:
        outcome, day, value, pattern = (list(column) for column in zip(*rows, strict=True))
        scope = np.array([value, value[::-1]]).T
        observations = make_observations(outcome, scope, day=day, pattern=pattern)

        found = fit(observations, AS_OF, EvidenceParameters(n_min=2, half_life_days=half_life))

        assert np.isfinite(all_numbers(found)).all()


def repeated(observations: Observations, times: int) -> Observations:
    copies = observations.take(np.tile(np.arange(len(observations)), times))
    trades = np.arange(len(copies))
    return replace(copies, trade=trades, cluster=trades)


class TestDegenerateInput:
    @pytest.mark.parametrize("value", [0.0, 0.1, -1e9, 1e-300])
    def test_outcomes_that_never_differ_have_no_effects(self, value: float) -> None:
        found = fit(replace(random_observations(1), outcome=np.full(400, value)), AS_OF, DEFAULTS)

        assert found.cells > 50
        assert all(np.abs(block.b).max(initial=0) < 1e-9 for block in found.blocks)
        assert found.noise.mu0 == pytest.approx([value, value])

    def test_one_trade_is_its_own_mean(self) -> None:
        found = fit(make_observations([1.5], [[0, 1]]), AS_OF, EvidenceParameters())

        assert found.cells == 0
        assert found.noise.mu0.tolist() == [1.5]

    def test_only_wins_are_learned_from_like_others(self) -> None:
        observations = random_observations(2)

        found = fit(replace(observations, outcome=np.abs(observations.outcome)), AS_OF, DEFAULTS)

        assert np.isfinite(all_numbers(found)).all()
        assert any((block.b != 0).any() for block in found.blocks)

    def test_the_same_day_for_all_has_no_recent_shift(self) -> None:
        found = fit(make_observations(np.arange(40) % 7, np.arange(40)[:, None] % 2), AS_OF, DEFAULTS)

        assert not any(of.recent for of in found.pi)

    def test_a_dimension_of_five_thousand_values_keeps_those_with_enough_trades(self) -> None:
        rng = np.random.default_rng(1)
        values = np.minimum(rng.zipf(1.3, 20_000), 5_000)

        found = fit(make_observations(rng.normal(size=20_000), values[:, None]), AS_OF, EvidenceParameters())

        (block,) = found.blocks
        assert len(block.cells) == np.count_nonzero(np.bincount(values) >= 20)

    def test_eighteen_dimensions_fit(self) -> None:
        rng = np.random.default_rng(1)
        observations = make_observations(
            rng.normal(size=2_000), rng.integers(0, 3, (2_000, 18)), pattern=np.arange(2_000) % 3
        )

        found = fit(observations, AS_OF, EvidenceParameters())

        pairs = BlockClass(2, Owner.OWN, False)
        assert sum(block.block_class == pairs for block in found.blocks) == 18 * 17 // 2

    def test_no_observations_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"^outcome: no observations"):
            fit(make_observations([]), AS_OF, DEFAULTS)

    def test_what_closes_later_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"^known: 1 observations close after as_of; leave them out"):
            fit(make_observations([1.0, 2.0], day=[1.0, 3.0]), 2.0, DEFAULTS)
