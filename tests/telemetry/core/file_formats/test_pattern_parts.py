from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.core.file_formats.pattern_parts import motif, name_of, pattern_part
from telemetry.core.pattern_names import pattern_key

FITS = re.compile(r"[A-Za-z0-9_-]{1,40}")
TAGS = st.one_of(
    st.text(max_size=60),
    st.text("ab _-/.", max_size=45),
    st.from_regex(FITS, fullmatch=True),
    st.from_regex(r"[a-z]{0,12}--[0-9a-f]{10}", fullmatch=True),
)


class TestPatternPart:
    @given(TAGS)
    def test_fits_the_grammar_of_a_part(self, tag: str) -> None:
        assert FITS.fullmatch(motif(tag))

    @given(TAGS, TAGS)
    def test_keeps_two_tags_apart(self, one: str, other: str) -> None:
        if name_of(one) != name_of(other):
            assert pattern_part(one) != pattern_part(other)
            assert motif(one) != motif(other)

    def test_keeps_a_tag_called_entry_apart_from_no_tag(self) -> None:
        assert (motif(None), motif("")) == ("entry", "entry")
        assert motif(" entry") == pattern_key("X", "long", "entry").rpartition(".")[2] != "entry"
        assert motif(motif("entry")) != motif("entry")

    @given(TAGS)
    def test_keeps_a_tag_apart_from_its_own_coded_form(self, tag: str) -> None:
        coded = motif(tag)

        if name_of(tag) and coded != name_of(tag):
            assert motif(coded) != coded

    @given(st.from_regex(FITS, fullmatch=True).filter(lambda tag: not re.search("--[0-9a-f]{10}$", tag)))
    def test_leaves_a_tag_that_fits(self, tag: str) -> None:
        assert motif(tag) in (tag, "entry") or tag == "entry"

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("bull/up", "bull_up"), ("bull up", "bull.up"), ("купить", "продать"), ("买入", "卖出"), ("🚀", "📉"),
            ("a" * 41, "a" * 42), ("é", "e"), ("x" * 300 + "1", "x" * 300 + "2"),
        ],
    )  # fmt: skip
    def test_tells_apart_what_used_to_meet(self, one: str, other: str) -> None:
        assert pattern_part(one) != pattern_part(other)

    def test_stays_readable(self) -> None:
        assert pattern_part("Überkauft (RSI > 70)").startswith("Uberkauft_RSI_70--")

    def test_is_the_same_for_a_number_and_its_text(self) -> None:
        assert pattern_part(13) == pattern_part("13") == "13"
