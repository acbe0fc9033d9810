from __future__ import annotations

from typing import Any

import pytest

from telemetry.core.canonical import canonical_json
from telemetry.core.fields import Read, finite, text
from telemetry.core.objects import Fields, entries, items, small_document
from telemetry.core.refusal import Refused


def refusals(read: Read[Any], value: object) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as caught:
        read(value)
    return [(each.field, each.message) for each in caught.value.refusals]


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = {"a": value}
    return value


class TestFields:
    def test_collects_unknown_missing_and_wrong(self) -> None:
        def read(value: object) -> None:
            fields = Fields(value, ("rr", "symbol", "side"))
            fields.need("rr", finite, 0.0)
            fields.need("symbol", text(5), "")
            fields.take("side", text(5), None)
            fields.close()

        assert refusals(read, {"side": 3, "rr": None, "colour": 1, "symbol": "BTC"}) == [
            ("colour", "unknown field; known are rr, symbol, side"),
            ("rr", "missing; this field is required"),
            ("side", "3 is not text; send a JSON string"),
        ]

    def test_takes_null_for_absent(self) -> None:
        assert Fields({"rr": None}, ("rr",)).take("rr", finite, None) is None

    def test_does_not_take_zero_or_false_for_absent(self) -> None:
        fields = Fields({"rr": 0, "flag": False}, ("rr", "flag"))

        assert fields.need("rr", finite, 1.0) == 0.0
        fields.need("flag", finite, 1.0)
        assert fields.sound("rr") and not fields.sound("flag")

    @pytest.mark.parametrize("value", [None, 3, "x", [1]])
    def test_refuses_what_is_no_object(self, value: object) -> None:
        ((field, message),) = refusals(lambda each: Fields(each, ()), value)

        assert field == "" and message.endswith("is not an object; send a JSON object")


class TestItems:
    def test_refuses_every_bad_entry_by_index(self) -> None:
        assert [field for field, _ in refusals(items(finite, most=3), [1, "x", None])] == ["[1]", "[2]"]

    def test_bounds_the_number(self) -> None:
        read = items(finite, least=1, most=2)

        assert read([1, 2]) == (1.0, 2.0)
        assert refusals(read, []) == [("", "has 0 entries; send 1 to 2")]
        assert refusals(read, [1, 2, 3]) == [("", "has 3 entries; send 1 to 2")]
        assert refusals(read, "12") == [("", "'12' is not a list; send a JSON list")]


class TestEntries:
    def test_refuses_keys_and_values_by_key(self) -> None:
        found = refusals(entries(text(3), finite, most=9), {"a": 1, "b": "x", "long": 1, 5: 1})

        assert [field for field, _ in found] == ["b", "long", "[5]"]

    def test_bounds_the_number(self) -> None:
        assert refusals(entries(text(3), finite, most=1), {"a": 1, "b": 2}) == [("", "has 2 entries; send at most 1")]


class TestSmallDocument:
    def test_copies_plain_json(self) -> None:
        given = {"a": [1, 2.5, -0.0, None, True, {"b": "é"}]}

        found = small_document(deepest=3, largest=100)(given)

        assert canonical_json(found) == '{"a":[1,2.5,0.0,null,true,{"b":"é"}]}'
        assert found["a"] is not given["a"]

    def test_counts_levels(self) -> None:
        read = small_document(deepest=4, largest=1000)

        assert read(nested(4)) == nested(4)
        assert refusals(read, nested(5)) == [("", "is nested too deep; flatten it")]
        assert refusals(read, nested(100_000)) == [("", "is nested too deep; flatten it")]

    @pytest.mark.parametrize("filling", ["x" * 92, "é" * 46, "\x01" * 15 + "xx", '"' * 46])
    def test_counts_bytes_of_canonical_text(self, filling: str) -> None:
        read = small_document(deepest=1, largest=100)

        assert len(canonical_json({"a": filling}).encode()) == 100
        assert read({"a": filling}) == {"a": filling}
        assert refusals(read, {"a": filling + "x"}) == [("", "takes 101 bytes; send at most 100")]

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53 + 1, pytest.param(10**5000, id="huge")])
    def test_refuses_numbers_json_cannot_carry(self, value: float) -> None:
        ((_, message),) = refusals(small_document(deepest=2, largest=99), {"a": [value]})

        assert message.endswith("send finite numbers, and whole ones beyond 2^53 as text")

    @pytest.mark.parametrize("value", [{"a": "\0"}, {"\ud800": 1}, {"a": {"b\0": 1}}, {1: 1}, {"a": object()}])
    def test_refuses_what_a_database_cannot_hold(self, value: object) -> None:
        assert refusals(small_document(deepest=3, largest=99), value)
