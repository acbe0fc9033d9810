from __future__ import annotations

from typing import Any

import pytest

from telemetry.foundation.core.fields import Read, finite, text
from telemetry.foundation.core.objects import Fields, entries, items
from telemetry.foundation.core.refusal import Refused


def refusals(read: Read[Any], value: object) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as caught:
        read(value)
    return [(each.field, each.message) for each in caught.value.refusals]


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
        assert fields.sound("rr")
        assert not fields.sound("flag")

    @pytest.mark.parametrize("value", [None, 3, "x", [1]])
    def test_refuses_what_is_no_object(self, value: object) -> None:
        ((field, message),) = refusals(lambda each: Fields(each, ()), value)

        assert field == ""
        assert message.endswith("is not an object; send a JSON object")


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
