from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.core.scopes import read_scope
from telemetry.foundation.core.fields import named
from telemetry.foundation.core.refusal import Refused

DIMENSIONS = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,39}", fullmatch=True)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.floats(-1e9, 1e9), st.text(max_size=20))


def fields(value: object) -> list[str]:
    with pytest.raises(Refused) as caught:
        named(read_scope, value, "scope")
    return [each.field for each in caught.value.refusals]


class TestReadScope:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("Good", "Good"),
            (" Good ", "Good"),
            (True, "true"),
            (False, "false"),
            (1, "1"),
            (1.0, "1"),
            (-0.0, "0"),
            (0.1, "0.1"),
            (1e9, "1000000000"),
            ("1.0", "1.0"),
            ("unknown coin", "unknown coin"),
            ("x" * 64, "x" * 64),
        ],
    )
    def test_makes_short_strings(self, value: object, text: str) -> None:
        assert read_scope({"a": value}) == {"a": text}

    @pytest.mark.parametrize("value", [None, "", "  ", "Unknown", "UNKNOWN", " unknown "])
    def test_drops_values_without_information(self, value: object) -> None:
        assert read_scope({"a": value, "b": "x"}) == {"b": "x"}

    def test_keeps_false_and_zero(self) -> None:
        assert read_scope({"a": False, "b": 0}) == {"a": "false", "b": "0"}

    def test_sorts_by_dimension(self) -> None:
        assert list(read_scope({"b": "1", "a": "1", "A_mode": "1"})) == ["A_mode", "a", "b"]

    @pytest.mark.parametrize(
        "value", [[], {}, ["x"], float("nan"), float("inf"), 10**10, "x" * 65, "a\0", "\udfff", b"x"]
    )
    def test_refuses_values_by_dimension(self, value: object) -> None:
        assert fields({"a": value, "b": "fine"}) == ["scope.a"]

    def test_names_every_bad_dimension(self) -> None:
        assert fields({"1a": "x", "a b": "x", "": "x", "x" * 41: "x", 3: "x", "ok": []}) == [
            "scope.1a", "scope['a b']", "scope['']", "scope." + "x" * 41, "scope[3]", "scope.ok",
        ]  # fmt: skip

    def test_counts_dimensions_after_dropping(self) -> None:
        forty = {f"d{i}": "x" for i in range(40)}

        assert len(read_scope(forty | {"e": None, "f": "Unknown"})) == 40
        assert fields(forty | {"e": "x"}) == ["scope"]
        assert fields({f"d{i}": None for i in range(201)}) == ["scope"]

    @pytest.mark.parametrize("value", [None, [], "x", 3])
    def test_refuses_what_is_no_object(self, value: object) -> None:
        assert fields(value) == ["scope"]

    @given(st.dictionaries(DIMENSIONS, VALUES, max_size=10))
    def test_is_settled_after_once(self, scope: dict[str, object]) -> None:
        if any(isinstance(value, str) and "\0" in value for value in scope.values()):
            assert fields(scope)
            return

        once = read_scope(scope)

        assert read_scope(once) == once
        assert all(value and value.lower() != "unknown" for value in once.values())
        assert set(once) <= set(scope)
