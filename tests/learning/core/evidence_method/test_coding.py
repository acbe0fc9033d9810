from __future__ import annotations

import numpy as np
import pytest

from learning.core.evidence_method.coding import Coding, Owner, varying
from tests.learning.core.evidence_method.builders import make_observations


class TestCoding:
    def test_gives_each_value_on_enough_rows_a_digit(self) -> None:
        scope = [[7, 1], [7, -1], [9, 1], [5, 1]]
        coding = Coding.of(make_observations([0.0] * 4, scope, pattern=[3, 3, 8, 8], category=[0, 1, 0, 0]), 2)

        assert [values.tolist() for values in coding.values] == [[7], [1]]
        assert coding.widths == (2, 3, 4, 2, 2)  # two patterns, three pairs
        assert coding.group_pattern.tolist() == [0, 0, 1]
        assert coding.group_category.tolist() == [0, 1, 0]

    def test_reads_what_it_never_saw_as_none(self) -> None:
        coding = Coding.of(make_observations([0.0] * 4, [[7]] * 4, pattern=[3, 3, 8, 8], category=[0, 1, 0, 0]), 2)

        digits = coding.digits(np.array([3, 8, 8, 5]), np.array([1, 0, 1, 0]), np.array([[7], [9], [-1], [7]]))

        assert digits.T.tolist() == [[1, 1, 2, 1], [1, 2, 3, 0], [1, 2, 0, 0], [1, 0, 0, 1]]

    @pytest.mark.parametrize(
        ("pattern", "category", "owners"),
        [
            ([0, 0, 1, 1], [0, 1, 0, 1], (Owner.ALL, Owner.PATTERN, Owner.OWN)),
            ([0, 1, 2, 2], [0, 0, 0, 0], (Owner.ALL, Owner.OWN)),  # one category: each pattern has one pair
            ([0, 0, 0, 0], [0, 1, 0, 1], (Owner.ALL, Owner.OWN)),  # one pattern: it has all trades
            ([0, 1, 1, 1], [1, 0, 0, 0], (Owner.ALL, Owner.OWN)),  # each pattern in one category
            ([0, 0, 0, 0], [0, 0, 0, 0], (Owner.OWN,)),
        ],
    )
    def test_lets_one_of_two_owners_of_the_same_trades_speak(
        self, pattern: list[int], category: list[int], owners: tuple[Owner, ...]
    ) -> None:
        coding = Coding.of(make_observations([0.0] * 4, pattern=pattern, category=category), 2)

        assert coding.owners() == owners

    def test_finds_the_owners_of_a_pair(self) -> None:
        coding = Coding.of(make_observations([0.0] * 3, pattern=[3, 3, 8], category=[0, 1, 0]), 2)
        pairs = np.array([1, 2, 3])

        assert coding.owner_digit(Owner.ALL, pairs).tolist() == [1, 1, 1]
        assert coding.owner_digit(Owner.PATTERN, pairs).tolist() == [1, 1, 2]
        assert coding.owner_digit(Owner.OWN, pairs).tolist() == [1, 2, 3]


class TestVarying:
    def test_names_the_dimensions_on_which_rows_differ(self) -> None:
        digits = np.array([[1, 1], [1, 1], [1, 2], [1, 1], [1, 2], [0, 1]])

        assert varying(digits) == (4, 5)

    def test_names_none_without_rows(self) -> None:
        assert varying(np.zeros((5, 0), dtype=np.int64)) == ()
