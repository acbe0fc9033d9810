from __future__ import annotations

import numpy as np
import pytest

from learning.core.evidence_method.fit import fit
from learning.core.evidence_method.predict import predict
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from tests.learning.core.evidence_method.builders import AS_OF, NORMAL, make_observations, random_observations

DEFAULTS = EvidenceParameters(n_min=5)


class TestPredict:
    def test_expects_of_an_unseen_value_what_is_expected_without_it(self) -> None:
        found = fit(random_observations(1), AS_OF, DEFAULTS)
        scope = np.array([[-1, 2], [99, 2]])

        expected = predict(found, np.array([1, 1]), np.array([0, 0]), scope)

        assert expected.edge[0] == expected.edge[1]

    def test_expects_of_an_unseen_pattern_what_all_trades_say(self) -> None:
        found = fit(random_observations(1), AS_OF, DEFAULTS)

        expected = predict(found, np.array([77]), np.array([0]), np.array([[1, 0]]))

        shared = [block for block in found.blocks if block.block_class.owner == 0]
        keys = {(column, block.block_class.recent): block for block in shared for column in block.cells.columns[1:]}
        b = [keys[3, recent].b[1] for recent in (False, True)] + [keys[4, recent].b[0] for recent in (False, True)]
        assert expected.edge[0] == pytest.approx(sum(b) * found.noise.scale)

    def test_is_as_uncertain_of_what_it_never_saw_as_the_prior(self) -> None:
        """One block under N(0, (.3 sd)^2): an unseen value has exactly that variance."""
        rng = np.random.default_rng(1)
        outcome = rng.normal(size=200)
        found = fit(make_observations(outcome, rng.integers(0, 2, (200, 1))), AS_OF, NORMAL)

        expected = predict(found, np.zeros(2, int), np.zeros(2, int), np.array([[5], [0]]))

        assert expected.variance[0] == pytest.approx((0.3 * outcome.std()) ** 2)
        assert expected.variance[1] == pytest.approx(found.blocks[0].var[0] * outcome.var())
        assert expected.mu0 == pytest.approx([outcome.mean()] * 2)

    def test_refuses_a_category_of_another_family(self) -> None:
        found = fit(random_observations(1), AS_OF, DEFAULTS)

        with pytest.raises(ValueError, match=r"^category: 2 was not fitted; predict from the fit of its family"):
            predict(found, np.array([0]), np.array([2]), np.array([[0, 0]]))
