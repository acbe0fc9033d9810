"""The trades behind an override, and what they earned net of everything else."""

from __future__ import annotations

import numpy as np
import pytest

from learning.core.evidence_method.learn import Learned, learn
from learning.core.evidence_method.observations import Observations
from learning.core.evidence_method.supporting_trades import SupportingTrades
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from tests.learning.core.evidence_method.builders import AS_OF, random_observations


def learned_from(observations: Observations, families: list[list[int]]) -> Learned:
    found = learn(observations, families, AS_OF, EvidenceParameters(n_min=5))
    assert found is not None
    return found


class TestBehind:
    @pytest.mark.parametrize("seed", range(3))
    def test_finds_what_a_loop_over_all_rows_finds(self, seed: int) -> None:
        observations = random_observations(seed, shared=True)
        learned = learned_from(observations, [[0], [1]])
        supporting = SupportingTrades(observations, learned)

        for at in range(0, len(learned.overrides), 7):
            pattern, category = int(learned.overrides.pattern[at]), int(learned.overrides.category[at])
            scope = learned.overrides.scope[at]
            naive = [
                row
                for row in range(len(observations))
                if observations.pattern[row] == pattern
                and observations.category[row] == category
                and all(code in (-1, value) for code, value in zip(scope, observations.scope[row], strict=True))
            ]
            assert sorted(supporting.rows(pattern, category, scope).tolist()) == naive
            assert len(np.unique(observations.cluster[naive])) == learned.overrides.n[at]

    @pytest.mark.parametrize("families", [[[0, 1]], [[1], [0]]])
    def test_earned_on_average_what_the_override_holds_as_raw(self, families: list[list[int]]) -> None:
        """Weighted by precision as in the fit: within one pattern, by share and age."""
        observations = random_observations(4, shared=True)
        learned = learned_from(observations, families)
        supporting, overrides = SupportingTrades(observations, learned), learned.overrides
        weight = np.zeros(len(observations))
        for fit, rows in zip(learned.fits, learned.rows, strict=True):
            weight[rows] = fit.sample.weight

        for at in range(len(overrides)):
            rows = supporting.rows(int(overrides.pattern[at]), int(overrides.category[at]), overrides.scope[at])
            recent = float(overrides.recent[at])
            earned = supporting.incremental(rows, float(overrides.b[at]) - recent, recent)
            assert np.average(earned, weights=weight[rows]) == pytest.approx(overrides.raw[at], abs=1e-9)

    def test_finds_nothing_where_nothing_is(self) -> None:
        observations = random_observations(1)
        supporting = SupportingTrades(observations, learned_from(observations, [[0, 1]]))

        assert len(supporting.rows(0, 99, np.array([-1, -1]))) == 0
        assert len(supporting.rows(99, 0, np.array([0, 0]))) == 0
