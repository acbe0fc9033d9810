"""Bodies are parsed as strictly as by the standard library, whichever parser reads them."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from telemetry.foundation.api.compression import accepts_gzip
from telemetry.foundation.api.json_parser import BodyTooLarge, gunzip, parse_json
from telemetry.foundation.core.objects import Unreadable, mapping
from telemetry.foundation.core.refusal import Refused

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text() | st.sampled_from(['":', ":", '\\":', '" :']),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
)  # fmt: skip


def strictly(body: bytes) -> Any:
    def refuse_constant(name: str) -> float:
        raise ParseError(name)

    def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    return json.loads(body, parse_constant=refuse_constant, object_pairs_hook=unique_keys)


SMALLEST = gzip.compress(b"{}", mtime=0)  # without the time, so that each test process collects the same tests


class TestValues:
    @given(VALUES, st.sampled_from([None, 1]), st.sampled_from([(",", ":"), (" , ", " : "), (",\n", "\t:\r\n")]))
    def test_are_those_of_the_standard_library(self, value: Any, indent: int | None, marks: tuple[str, str]) -> None:
        body = json.dumps(value, indent=indent, separators=marks).encode()

        assert repr(parse_json(body)) == repr(strictly(body))

    @pytest.mark.parametrize("number", ["0.1", "1e-320", "2.2250738585072011e-308", "123456789.123456789", "1E5"])
    def test_keep_every_float(self, number: str) -> None:
        assert repr(parse_json(number.encode())) == repr(float(number))

    @pytest.mark.parametrize("body", [b'"\\ud800"', b'{"\\udfff": 1}', b"1e999", b'{"a": "\\u0000"}'])
    def test_that_readers_refuse_by_name_are_let_through(self, body: bytes) -> None:
        assert repr(parse_json(body)) == repr(strictly(body))


class TestDuplicates:
    @pytest.mark.parametrize(
        "body",
        [
            b'{"a": 1, "a": 1}',
            b'{"a" \n:1,"a"\t: 2}',
            b'{"y": [{"x": {"a": 1, "b": 2, "a": 3}}]}',
            b'{"a": 1, "\\u0061": 2}',
            b'{"a": ":", "a": "x"}',
            b'{"": 1, "": 2}',
            b'{"\\"": 1, "\\"": 2}',
        ],
    )
    def test_of_keys_are_refused(self, body: bytes) -> None:
        with pytest.raises(ParseError, match="appears twice in one object"):
            parse_json(body)

    @pytest.mark.parametrize(
        "body",
        [
            b'{"a": 1, "b": {"a": 1}}', b'[{"a": 1}, {"a": 1}]', b'{"a": "\\":\\":"}', b'{"at": "12:30", ":" :1}',
            b'{"a":' * 300 + b"1" + b"}" * 300,
        ],
    )  # fmt: skip
    def test_that_are_none_are_not(self, body: bytes) -> None:
        assert parse_json(body) == json.loads(body)

    @given(VALUES, VALUES)
    def test_are_found_wherever_they_are(self, one: Any, other: Any) -> None:
        body = b'{"x": [{"k": %s, "k": %s}]}' % (json.dumps(one).encode(), json.dumps(other).encode())

        with pytest.raises(ParseError, match="the key 'k' appears twice"):
            parse_json(body)


class TestLists:
    @pytest.mark.parametrize(
        ("item", "refusal"),
        [
            (b'{"scope": {"a b": [1, NaN]}}', "scope['a b'][1]: NaN is not JSON; send a finite number"),
            (b"-Infinity", "-Infinity is not JSON; send a finite number"),
            (b'{"x": {"k": NaN, "k": 2}}', "x: the key 'k' appears twice in one object; send it once"),
        ],
    )
    def test_lose_only_the_item_that_is_not_acceptable(self, item: bytes, refusal: str) -> None:
        first, marked, last = parse_json(b'[{"a": 1}, %s, {"a": [2]}]' % item)

        assert (first, last) == ({"a": 1}, {"a": [2]})
        assert isinstance(marked, Unreadable)
        with pytest.raises(Refused) as refused:
            mapping(marked)
        assert str(refused.value).startswith(refusal)

    @pytest.mark.parametrize("body", [b'{"x": [NaN]}', b"NaN", b'{"x": {"y": Infinity}}'])
    def test_are_the_only_ones_that_are_read_in_part(self, body: bytes) -> None:
        with pytest.raises(ParseError, match="is not JSON; send a finite number"):
            parse_json(body)


class TestGzip:
    def test_is_decoded_up_to_its_limit(self) -> None:
        assert gunzip(gzip.compress(b"x" * 100), 100) == b"x" * 100
        with pytest.raises(BodyTooLarge, match="longer than that once it is decoded; send at most 99"):
            gunzip(gzip.compress(b"x" * 100), 99)

    def test_of_a_bomb_is_not_decoded_whole(self) -> None:
        with pytest.raises(BodyTooLarge):
            gunzip(gzip.compress(bytes(10**8)), 1000)

    @pytest.mark.parametrize("body", [b"", b"x", SMALLEST[:-1], SMALLEST + b"x"], ids=["none", "x", "cut", "longer"])
    def test_that_is_not_whole_is_refused(self, body: bytes) -> None:
        with pytest.raises(ParseError):
            gunzip(body, 100)

    @pytest.mark.parametrize("header", ["deflate", "gzip;q=0", "gzip; q=0.0", "gzippy", "*"])
    def test_is_not_sent_to_callers_that_do_not_take_it(self, header: str) -> None:
        assert not accepts_gzip(header)
