from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from learning.core.evidence_method.blocks import BlockClass, BudgetExceeded, block_classes
from learning.core.evidence_method.coding import Coding, Owner
from learning.core.evidence_method.fit import fit
from learning.core.evidence_method.fold_down import fold_down
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from tests.learning.core.evidence_method.builders import AS_OF, make_observations

ALL, PATTERN, OWN = Owner
TWO_BY_TWO = Coding(np.arange(2), np.arange(2), np.arange(4), ())


def crowded() -> EvidenceParameters:
    return EvidenceParameters(n_min=2)


class TestBlockClasses:
    def test_go_from_simple_to_complex_and_from_shared_to_own(self) -> None:
        assert [(each.size, each.owner, each.recent) for each in block_classes(TWO_BY_TWO, 2, recent=True)] == [
            (0, PATTERN, False), (0, PATTERN, True), (0, OWN, False), (0, OWN, True),
            (1, ALL, False), (1, ALL, True), (1, PATTERN, False), (1, PATTERN, True), (1, OWN, False), (1, OWN, True),
            (2, OWN, False),
        ]  # fmt: skip

    def test_have_no_window_where_all_days_are_recent(self) -> None:
        assert not any(each.recent for each in block_classes(TWO_BY_TWO, 2, recent=False))

    def test_leave_the_only_pair_to_the_mean(self) -> None:
        one = Coding(np.arange(1), np.arange(1), np.arange(1), ())

        assert block_classes(one, 2, recent=False) == [BlockClass(1, OWN, False), BlockClass(2, OWN, False)]

    def test_start_mostly_null_the_more_so_the_more_dimensions(self) -> None:
        parameters = EvidenceParameters()

        starts = [BlockClass(size, OWN, False).null_mass(parameters) for size in range(3)]

        assert starts == [0.3, 0.7, 0.95]
        assert BlockClass(0, OWN, True).null_mass(parameters) == pytest.approx(0.79)


class TestLattice:
    def test_has_as_many_blocks_as_the_reference(self) -> None:
        """Ten dimensions give 77 blocks over all days and 32 over the recent ones."""
        rng = np.random.default_rng(1)
        observations = make_observations(
            rng.normal(size=4000), rng.integers(0, 2, (4000, 10)), day=rng.uniform(0, AS_OF, 4000),
            pattern=rng.integers(0, 2, 4000), category=rng.integers(0, 2, 4000),
        )  # fmt: skip

        blocks = fit(observations, AS_OF, EvidenceParameters()).blocks

        assert [sum(block.block_class.recent is recent for block in blocks) for recent in (False, True)] == [77, 32]

    def test_has_no_parameter_for_too_few_trades(self) -> None:
        """Nineteen trades with value 1, one of them with two actions: 20 rows are not 20 trades."""
        scope, trade = np.repeat([0, 1], [30, 20])[:, None], np.append(np.arange(49), 48)

        (block,) = fit(make_observations(np.arange(50) % 9, scope, trade=trade), AS_OF, EvidenceParameters()).blocks

        assert block.cells.n.tolist() == [30]

    def test_has_no_block_for_a_dimension_that_never_varies(self) -> None:
        scope = np.stack([np.zeros(60), np.arange(60) % 2], axis=1)

        blocks = fit(make_observations(np.arange(60) % 7, scope), AS_OF, EvidenceParameters()).blocks

        assert [block.cells.columns for block in blocks] == [(OWN, 4)]

    def test_refuses_more_cells_than_its_budget_naming_the_largest_dimensions(self) -> None:
        rng = np.random.default_rng(2)
        scope = np.stack([rng.integers(0, values, 3000) for values in (2, 300, 3, 40)], axis=1)
        names = ("chain", "curator", "intent", "bucket")
        observations = make_observations(rng.normal(size=3000), scope, dimensions=names)

        with pytest.raises(BudgetExceeded, match=re.escape("more than the 250 cells of cell_budget")) as refusal:
            fit(observations, AS_OF, replace(crowded(), cell_budget=250))

        assert "most are of curator (300 values), " in str(refusal.value)
        assert "drop one of them, merge its values, raise n_min or set max_subset_size to 1" in str(refusal.value)

    def test_refuses_more_entries_than_its_budget_before_it_makes_them(self) -> None:
        rng = np.random.default_rng(2)
        observations = make_observations(rng.normal(size=500), rng.integers(0, 3, (500, 8)))

        with pytest.raises(BudgetExceeded, match="500 rows in blocks of 8 dimensions make 18,000 entries"):
            fit(observations, AS_OF, replace(crowded(), index_budget=17_999))

        assert fit(observations, AS_OF, replace(crowded(), index_budget=18_000)).cells > 0
        assert fit(observations, AS_OF, replace(crowded(), index_budget=17_999, max_subset_size=1)).cells == 24

    def test_refuses_more_overrides_than_cells_may_be_held(self) -> None:
        """Two patterns share 40 values: 40 cells of all trades, few of their own, but 80 overrides."""
        scope, pattern = np.arange(80)[:, None] // 2, np.arange(80) % 2
        observations = make_observations(np.arange(80) % 7, scope, pattern=pattern)
        found = fit(observations, AS_OF, replace(crowded(), cell_budget=50, effective_days=0))

        assert found.cells == 42
        with pytest.raises(BudgetExceeded, match="more than the 50 overrides of cell_budget; drop the dimension"):
            fold_down(found)
