from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.universe import Universe as Parameter
from telemetry.core.market_context.universe import Universe, is_universe_name


class TestUniverse:
    def test_is_hashed_by_its_name_and_its_sorted_pairs_on_lines_of_their_own(self) -> None:
        universe = Universe.of("top", ["ETH/USDT", "BTC/USDT", "ETH/USDT"])

        assert universe.hash == sha256(b"top\nBTC/USDT\nETH/USDT").hexdigest()
        assert universe.label == f"top@{universe.hash[:12]}"

    def test_is_another_one_with_another_name_or_pair(self) -> None:
        labels = {Universe.of(name, pairs).label for name in ("a", "b") for pairs in (["X"], ["X", "Y"])}

        assert len(labels) == 4

    @pytest.mark.parametrize("name", ["", "a@b", "a:b", " a", "a\n", "x" * 41])
    def test_refuses_a_name_that_its_label_could_not_carry(self, name: str) -> None:
        with pytest.raises(ValueError, match="name"):
            Universe.of(name, ["X"])

    @given(name=st.text(max_size=42) | st.text(st.sampled_from("aB9 _-@:\u00e9\t"), max_size=42))
    def test_has_a_name_exactly_where_module_parameters_accept_it(self, name: str) -> None:
        try:
            accepted = bool(Parameter(name, ("X",)))
        except FieldError:
            accepted = False

        assert is_universe_name(name) == accepted

    def test_refuses_to_be_empty(self) -> None:
        with pytest.raises(ValueError, match="at least one pair"):
            Universe.of("none", [])
