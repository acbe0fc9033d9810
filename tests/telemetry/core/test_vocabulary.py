from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.core.vocabulary import CATEGORIES, DM_PATTERN_KEY, ActionCategory, Module, read_pattern_key
from telemetry.foundation.core.fields import named
from telemetry.foundation.core.refusal import Refused


class TestCategories:
    def test_give_every_category_to_exactly_one_module(self) -> None:
        assert sorted(each for categories in CATEGORIES.values() for each in categories) == sorted(ActionCategory)
        assert CATEGORIES[Module.DM] == (ActionCategory.ALLOCATION,)


class TestReadPatternKey:
    @pytest.mark.parametrize("key", [DM_PATTERN_KEY, "a.b.c", "uptrend.S1.buy_flag", f"{'x' * 40}.-._"])
    def test_keeps_three_parts(self, key: str) -> None:
        assert read_pattern_key(key) == key

    @pytest.mark.parametrize(
        "value", ["", "a.b", "a.b.c.d", "a..c", "a.b.c ", "a.b.c\n", "ä.b.c", f"{'x' * 41}.b.c", "a.b.c\0", None, 3, []]
    )
    def test_refuses_anything_else_naming_the_field(self, value: object) -> None:
        with pytest.raises(Refused) as caught:
            named(read_pattern_key, value, "actions[0].pattern_key")

        assert caught.value.refusals[0].field == "actions[0].pattern_key"
        assert "family.state.motif" in caught.value.refusals[0].message

    @given(st.from_regex(r"[A-Za-z0-9_-]{1,40}(\.[A-Za-z0-9_-]{1,40}){2}", fullmatch=True))
    def test_accepts_the_grammar(self, key: str) -> None:
        assert read_pattern_key(key) == key
