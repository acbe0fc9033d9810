from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from types import MappingProxyType
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.core.vocabulary import Module
from telemetry.foundation.core.canonical_json import fact_json, utc_text
from tests.telemetry.core.builders import NAIVE

FINITE = st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), FINITE, st.text())
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6)


class TestCanonicalJson:
    def test_writes_the_text_worked_by_hand(self) -> None:
        at = datetime(2024, 5, 1, 2, 0, 0, 500, tzinfo=timezone(timedelta(hours=2)))
        value = {"z": (1, 1.0, 1e-07), "é": Module.PM, "a": at, "m": MappingProxyType({"b": 0.1, "a": UUID(int=1)})}

        assert fact_json(value) == (
            '{"a":"2024-05-01T00:00:00.000500Z","m":{"a":"00000000-0000-0000-0000-000000000001","b":0.1},'
            '"z":[1,1.0,1e-07],"é":"pm"}'
        )

    def test_hashes_as_in_earlier_releases(self) -> None:
        value = {"ü": {"b": [1e-7, 5e-324, -0.0, 1e16], "a": "é 𝄞"}, "A": None, "a": {"z": {"y": True}}}
        text = fact_json(value)

        assert text == '{"A":null,"a":{"z":{"y":true}},"ü":{"a":"é 𝄞","b":[1e-07,5e-324,-0.0,1e+16]}}'
        digest = sha256(text.encode()).hexdigest()
        assert digest == "9a0b6940ff2c931308bbb98f69f427d607461d18c88102aa164893d6c7c0d164"

    @given(JSON)
    def test_is_read_back_as_the_same_value(self, value: object) -> None:
        assert json.loads(fact_json(value)) == value

    @given(st.dictionaries(st.text(), LEAVES))
    def test_does_not_depend_on_the_order_of_keys(self, value: dict[str, object]) -> None:
        assert fact_json(dict(reversed(value.items()))) == fact_json(value)

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [-float("inf")]}, NAIVE])
    def test_refuses_what_has_no_single_text(self, value: object) -> None:
        with pytest.raises(ValueError, match=r"not JSON compliant|no time zone"):
            fact_json(value)

    def test_refuses_what_json_has_no_form_for(self) -> None:
        with pytest.raises(TypeError, match="set has no JSON form"):
            fact_json({"a": {1}})


class TestUtcText:
    @given(st.datetimes(timezones=st.timezones()).filter(lambda at: 1 < at.year < 9999))
    def test_is_read_back_as_the_same_instant(self, at: datetime) -> None:
        assert datetime.fromisoformat(utc_text(at)) == at.astimezone(UTC)
        assert utc_text(at).endswith("Z")
