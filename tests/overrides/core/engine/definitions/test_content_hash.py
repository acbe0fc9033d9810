"""The hashes are pinned: an id that is stored, signed or named by a bot must be the same in every release."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.definitions.content_hash import content_hash, content_json, line_id
from overrides.core.engine.definitions.override_spec import OverrideSpec, override_id

HARD = {"ü": {"b": [1e-7, 5e-324, -0.0, 1e16], "a": "é 𝄞"}, "A": None, "a": {"z": {"y": True}}}
SCOPE = {"macro_phase": "Übergang", "bucket": "micro"}
OVERRIDE: dict[str, Any] = {
    "module": "pm",
    "type": "pm_strength",
    "policy": "evidence",
    "pattern_key": "donchian.long.breakout",
    "action_category": "entry",
    "scope": SCOPE,
    "stats": {
        "edge_raw": -0.0,
        "n": 37,
        "variance": 1e-7,
        "half_life_days": 18,
        "updated_at": "2026-03-01T12:00:00+01:00",
    },
    "levers": {"capital_levers": {"size_mult": 1.02}},
    "promise": {"predicted": 5e-324, "sd": 0.1},
}
OVERRIDE_ID = "41a83399050737ddd390e5d65d80fdd413439ca2acf7c598be7de3e7b1ff7096"
LINE_ID = "519ed6ece00195f08a4734bb8fe3f6b7bea5493143eac679163a6da17bea4814"

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6)


class TestContentJson:
    def test_writes_the_text_worked_by_hand(self) -> None:
        assert content_json(HARD) == (
            r'{"A":null,"a":{"z":{"y":true}},"\u00fc":{"a":"\u00e9 \ud834\udd1e","b":[1e-07,5e-324,-0.0,1e+16]}}'
        )

    @given(JSON)
    def test_is_ascii_and_is_read_back_as_the_same_value(self, value: object) -> None:
        text = content_json(value)

        assert text.isascii()
        assert json.loads(text) == value

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [-float("inf")]}])
    def test_refuses_what_has_no_single_text(self, value: object) -> None:
        with pytest.raises(ValueError, match="not JSON compliant"):
            content_json(value)


class TestContentHash:
    def test_is_the_hash_of_earlier_releases(self) -> None:
        assert content_hash(HARD) == "ba02e8a6a179b7d60a5f22e9453c83acf7dde57dfaf3429118ab4963e50604b0"

    def test_does_not_depend_on_the_order_of_keys(self) -> None:
        assert content_hash(dict(reversed(HARD.items()))) == content_hash(HARD)


class TestLineId:
    def test_is_the_id_of_earlier_releases(self) -> None:
        assert line_id("pm", "pm_strength", "evidence", "donchian.long.breakout", "entry", SCOPE) == LINE_ID


class TestOverrideId:
    def test_is_the_id_of_earlier_releases(self) -> None:
        spec = OverrideSpec.from_document(OVERRIDE)

        assert (spec.id, spec.content_id, override_id(OVERRIDE), spec.line) == (OVERRIDE_ID,) * 3 + (LINE_ID,)
