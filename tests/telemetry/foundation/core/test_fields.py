from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.core.vocabulary import Module
from telemetry.foundation.core.fields import (
    Read,
    finite,
    identifier,
    integer,
    matching,
    member,
    named,
    parse_moment,
    share,
    storable,
    text,
)
from telemetry.foundation.core.refusal import Refused
from tests.telemetry.core.builders import NAIVE


def refusal(read: Read[Any], value: object) -> str:
    with pytest.raises(Refused) as caught:
        read(value)
    (only,) = caught.value.refusals
    return only.message


class TestFinite:
    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1e999, 1.0000001e9, 10**400])
    def test_refuses_what_is_not_finite_or_too_large(self, value: float) -> None:
        assert refusal(finite, value).endswith("is out of range; send a finite number between -1e9 and 1e9")

    @pytest.mark.parametrize("value", [True, False, "1.5", None, [1], {}])
    def test_refuses_what_is_no_number(self, value: object) -> None:
        assert refusal(finite, value).endswith("is not a number; send a JSON number")

    @given(st.floats(-1e9, 1e9))
    def test_keeps_every_other_number(self, value: float) -> None:
        assert finite(value) == value

    def test_has_one_zero(self) -> None:
        assert repr(finite(-0.0)) == "0.0"

    def test_makes_whole_numbers_floats(self) -> None:
        assert repr(finite(7)) == "7.0"


class TestShare:
    def test_excludes_nothing_and_includes_all(self) -> None:
        assert share(1) == 1.0
        assert "not a share" in refusal(share, 0)
        assert "not a share" in refusal(share, 1.0000001)
        assert "not a share" in refusal(share, -0.5)


class TestInteger:
    def test_reads_whole_numbers_within_its_bounds(self) -> None:
        assert [integer(1, 3)(value) for value in (1, 2.0, 3)] == [1, 2, 3]

    @pytest.mark.parametrize("value", [0, 4, 1.5, -1])
    def test_refuses_others_naming_the_bounds(self, value: float) -> None:
        assert refusal(integer(1, 3), value).endswith("does not fit; send a whole number from 1 to 3")


class TestText:
    def test_refuses_nul(self) -> None:
        assert refusal(text(9), "a\0b") == "holds a NUL character; remove it"

    def test_refuses_lone_surrogates(self) -> None:
        assert refusal(text(9), "a\ud800") == "holds a lone surrogate; send valid Unicode text"

    @pytest.mark.parametrize("value", ["", "x" * 10])
    def test_refuses_empty_and_too_long(self, value: str) -> None:
        assert refusal(text(9), value) == f"has {len(value)} characters; send 1 to 9"

    @pytest.mark.parametrize("value", [" a", "a ", "\n", "\u00a0a"])
    def test_refuses_spaces_at_the_ends(self, value: str) -> None:
        assert refusal(text(9), value).endswith("begins or ends with a space; strip it")

    @pytest.mark.parametrize("value", ["x", "x" * 9, "größe", "買い", "😀"])
    def test_keeps_the_rest(self, value: str) -> None:
        assert text(9)(value) == value

    @given(st.text())
    def test_what_is_storable_encodes(self, value: str) -> None:
        assert storable(value).encode().decode() == value if "\0" not in value else refusal(storable, value)


class TestMatching:
    def test_matches_the_whole_text(self) -> None:
        read = matching("[a-z]{1,3}", "letters")

        assert read("abc") == "abc"
        for value in ("abcd", "a\n", "", 3, None):
            assert refusal(read, value).endswith("does not fit; send letters")


class TestMember:
    def test_lists_the_words_when_one_is_unknown(self) -> None:
        assert member(Module)("pm") is Module.PM
        for value in ("PM", "xx", 3, ["pm"]):
            assert refusal(member(Module), value).endswith("is unknown; send one of dm, pm")


class TestMoment:
    def test_turns_offsets_into_utc(self) -> None:
        noon = datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))

        assert parse_moment("2024-05-01T12:00:00+02:00") == parse_moment(noon) == datetime(2024, 5, 1, 10, tzinfo=UTC)
        assert parse_moment(noon).tzinfo is UTC

    @pytest.mark.parametrize("value", ["2024-05-01T12:00:00", "2024-05-01", NAIVE])
    def test_refuses_naive_times(self, value: object) -> None:
        assert refusal(parse_moment, value).endswith("names no time zone; end it with Z or an offset such as +02:00")

    @pytest.mark.parametrize(
        "value",
        [
            "1999-12-31T23:59:59Z",
            "2100-01-01T00:00:00Z",
            "2000-01-01T00:00:00+00:01",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59-23:59",
        ],
    )
    def test_refuses_years_outside_2000_to_2099(self, value: str) -> None:
        assert refusal(parse_moment, value).endswith("is out of range; send a time in the years 2000 to 2099")

    @pytest.mark.parametrize(
        "value", ["yesterday", "", "2024-13-01T00:00:00Z", 1714557600, None, "2024\ud800", "\0", {}]
    )
    def test_refuses_what_is_no_time(self, value: object) -> None:
        assert refusal(parse_moment, value).endswith("is not a time; send ISO 8601 text such as 2024-05-01T12:00:00Z")

    @given(st.datetimes(NAIVE.replace(year=2001), NAIVE.replace(year=2099), timezones=st.timezones()))
    def test_keeps_the_instant(self, at: datetime) -> None:
        assert parse_moment(at.isoformat()) == parse_moment(at) == at.astimezone(UTC)


class TestIdentifier:
    def test_has_one_text_per_uuid(self) -> None:
        canonical = "018f3c1e-7b2a-7c3d-8e4f-5a6b7c8d9e0f"

        assert identifier(canonical.upper()) == identifier(UUID(canonical)) == canonical

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "018f3c1e7b2a7c3d8e4f5a6b7c8d9e0f",
            "{018f3c1e-7b2a-7c3d-8e4f-5a6b7c8d9e0f}",
            "018f3c1e-7b2a-7c3d-8e4f-5a6b7c8d9e0f\n",
            "018f3c1e-7b2a-7c3d-8e4f-5a6b7c8d9e0g",
            7,
            None,
        ],
    )
    def test_refuses_other_forms(self, value: object) -> None:
        assert "is not a UUID" in refusal(identifier, value)


class TestNamed:
    def test_names_the_field(self) -> None:
        with pytest.raises(Refused, match=r"^trade\.rr: 'x' is not a number"):
            named(finite, "x", "trade.rr")
