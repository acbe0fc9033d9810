from __future__ import annotations

import pytest

from telemetry.foundation.core.canonical_json import fact_json
from telemetry.foundation.core.documents import small_document
from telemetry.foundation.core.fields import Read
from telemetry.foundation.core.refusal import Refused


def refusal(read: Read[dict[str, object]], value: object) -> str:
    with pytest.raises(Refused) as caught:
        read(value)
    (only,) = caught.value.refusals
    return only.message


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = {"a": value}
    return value


class TestSmallDocument:
    def test_copies_plain_json(self) -> None:
        document = {"a": [1, 2.5, -0.0, None, True, {"b": "é"}]}

        found = small_document(deepest=3, largest=100)(document)

        assert fact_json(found) == '{"a":[1,2.5,0.0,null,true,{"b":"é"}]}'
        assert found["a"] is not document["a"]

    def test_counts_levels(self) -> None:
        read = small_document(deepest=4, largest=1000)

        assert read(nested(4)) == nested(4)
        assert refusal(read, nested(5)) == "is nested too deep; flatten it"
        assert refusal(read, nested(100_000)) == "is nested too deep; flatten it"

    @pytest.mark.parametrize("filling", ["x" * 92, "é" * 46, "\x01" * 15 + "xx", '"' * 46])
    def test_counts_bytes_of_canonical_text(self, filling: str) -> None:
        read = small_document(deepest=1, largest=100)

        assert len(fact_json({"a": filling}).encode()) == 100
        assert read({"a": filling}) == {"a": filling}
        assert refusal(read, {"a": filling + "x"}) == "takes 101 bytes; send at most 100"

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53 + 1, pytest.param(10**5000, id="huge")])
    def test_refuses_numbers_json_cannot_carry(self, value: float) -> None:
        message = refusal(small_document(deepest=2, largest=99), {"a": [value]})

        assert message.endswith("send finite numbers, and whole ones beyond 2^53 as text")

    @pytest.mark.parametrize("value", [{"a": "\0"}, {"\ud800": 1}, {"a": {"b\0": 1}}, {1: 1}, {"a": object()}])
    def test_refuses_what_a_database_cannot_hold(self, value: object) -> None:
        assert refusal(small_document(deepest=3, largest=99), value)
