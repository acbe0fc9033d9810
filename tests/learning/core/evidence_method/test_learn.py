from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from learning.core.evidence_method.fit import fit
from learning.core.evidence_method.fold_down import fold_down
from learning.core.evidence_method.learn import FAMILIES, learn
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.vocabulary import MODULE_CATEGORIES
from tests.learning.core.evidence_method.builders import AS_OF, make_observations, random_observations

DEFAULTS = EvidenceParameters(n_min=5)
EDGES, SALES = (0, 1), (2, 3)


class TestLearn:
    def test_fits_each_family_by_itself(self) -> None:
        observations = random_observations(1, categories=4)
        alone = observations.take(observations.category >= 2)

        learned = learn(observations, [EDGES, SALES], AS_OF, DEFAULTS)

        assert learned is not None
        sales = learned.overrides.take(learned.overrides.category >= 2)
        expected = fold_down(fit(alone, AS_OF, DEFAULTS))
        for field in fields(expected):
            assert np.array_equal(getattr(sales, field.name), getattr(expected, field.name))

    def test_ranks_all_families_together_and_materialises_the_first(self) -> None:
        observations = random_observations(2, categories=4)

        learned = learn(observations, [EDGES, SALES], AS_OF, replace(DEFAULTS, max_overrides=7))

        assert learned is not None
        assert learned.materialised == 7
        assert (np.diff(learned.overrides.score) <= 0).all()
        assert set(learned.overrides.category.tolist()) == {0, 1, 2, 3}
        assert len(learned.c) == len(learned.verified) == len(learned.overrides) > 7

    def test_leaves_out_a_category_of_no_family(self) -> None:
        learned = learn(random_observations(3, categories=3), [EDGES], AS_OF, DEFAULTS)

        assert learned is not None
        assert len(learned.fits) == 1
        assert set(learned.overrides.category.tolist()) == {0, 1}

    def test_learns_nothing_from_nothing(self) -> None:
        assert learn(make_observations([]), [EDGES, SALES], AS_OF, DEFAULTS) is None

    def test_verifies_nothing_in_noise_and_an_edge_in_an_edge(self) -> None:
        rng = np.random.default_rng(7)
        quiet = replace(random_observations(7, 4000), outcome=rng.normal(size=4000))
        loud = replace(quiet, outcome=quiet.outcome + 0.5 * (quiet.scope[:, 0] == 2))

        silent, found = (learn(each, [EDGES], AS_OF, EvidenceParameters()) for each in (quiet, loud))

        assert silent is not None
        assert found is not None
        assert silent.verified.sum() == 0
        sure = found.overrides.take(found.verified & (found.overrides.scope[:, 0] == 2))
        assert len(sure) == 6  # every pattern and category
        assert sure.b - sure.b.mean() == pytest.approx(np.zeros(6), abs=0.1)


class TestFamilies:
    def test_hold_every_category_of_a_module_once(self) -> None:
        for module, families in FAMILIES.items():
            assert sorted(sum(families, ())) == sorted(MODULE_CATEGORIES[module])
