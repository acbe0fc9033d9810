from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine import scope_packing
from overrides.core.engine.scope_packing import PackedScopes

NAMES = st.sampled_from([f"d{index}" for index in range(12)])
VALUES = st.sampled_from([f"v{index}" for index in range(40)])
SCOPES = st.dictionaries(NAMES, VALUES, max_size=12)


class TestPackedScopes:
    @given(scopes=st.lists(SCOPES, max_size=30), query=SCOPES)
    def test_find_what_a_subset_test_finds(self, scopes: list[dict[str, str]], query: dict[str, str]) -> None:
        expected = [row for row, scope in enumerate(scopes) if scope.items() <= query.items()]

        assert PackedScopes(scopes).contained_in(query) == expected

    @given(scopes=st.lists(SCOPES, max_size=30), query=SCOPES, slots=st.sampled_from((1, 8)))
    def test_find_the_same_by_looking_up_masks(
        self, scopes: list[dict[str, str]], query: dict[str, str], slots: int
    ) -> None:
        by_one_pass = PackedScopes(scopes).contained_in(query)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scope_packing, "JOINED_FROM", 0)
            patch.setattr(scope_packing, "SLOTS_PER_KEY", slots)  # with one, many masks are looked up in vain
            assert PackedScopes(scopes).contained_in(query) == by_one_pass

    @given(scopes=st.lists(SCOPES, max_size=30), queries=st.lists(SCOPES, min_size=1, max_size=5))
    def test_find_for_each_of_a_list_what_it_finds_alone(
        self, scopes: list[dict[str, str]], queries: list[dict[str, str]]
    ) -> None:
        index = PackedScopes(scopes)

        numbers, rows = index.rows_in_many(queries)

        alone = [(number, row) for number, query in enumerate(queries) for row in index.contained_in(query)]
        assert list(zip(numbers.tolist(), rows.tolist(), strict=True)) == alone

    def test_spill_into_further_words(self) -> None:
        scopes = [{f"d{dim}": f"v{value}"} for dim in range(40) for value in range(300)]
        index = PackedScopes(scopes)

        found = index.contained_in({"d0": "v7", "d39": "v299"})

        assert [scopes[row] for row in found] == [{"d0": "v7"}, {"d39": "v299"}]

    @pytest.mark.parametrize("dims", [63, 64, 65, 129])
    def test_use_every_bit_of_every_word(self, dims: int) -> None:
        names = [f"d{index:03}" for index in range(dims)]
        everything = dict.fromkeys(names, "on")
        index = PackedScopes([everything, {names[0]: "on"}, {names[-1]: "on"}])

        assert index.contained_in(everything) == [0, 1, 2]
        assert index.contained_in({names[-1]: "on"}) == [2]
        assert index.contained_in({names[-1]: "off"}) == []

    @pytest.mark.parametrize("query", [{}, {"unheard_of": "x"}])
    def test_find_only_empty_scopes_for_a_request_without_known_values(self, query: dict[str, str]) -> None:
        assert PackedScopes([{"bucket": "nano"}, {}]).contained_in(query) == [1]

    def test_find_nothing_among_nothing(self) -> None:
        assert PackedScopes([]).contained_in({"bucket": "nano"}) == []

    def test_do_not_mistake_an_unknown_value_for_any_value(self) -> None:
        assert PackedScopes([{"bucket": "nano"}]).contained_in({"bucket": "unheard_of"}) == []
