"""Lines that pull a lever in opposite directions where both match."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.governance.overlaps import Pull, can_both_match, opposed_levers, opposition
from tests.builders import make_spec

DIP, GOOD, NANO = {"macro_phase": "Dip"}, {"macro_phase": "Good"}, {"bucket": "nano"}
SCOPES = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"))


def size(of: float, scope: dict[str, str], **over: str) -> Pull:
    return Pull.of(make_spec({"size_mult": of}, scope=scope, **over))


class TestCanBothMatch:
    @given(one=SCOPES, other=SCOPES)
    def test_is_whether_some_situation_lies_in_both(self, one: dict[str, str], other: dict[str, str]) -> None:
        situations = [dict(zip("abc", values, strict=True)) for values in product("xyz", repeat=3)]
        both = any(one.items() <= each.items() and other.items() <= each.items() for each in situations)

        assert can_both_match(one, other) is both


class TestOpposedLevers:
    def test_names_the_levers_that_differ_in_direction(self) -> None:
        one = Pull.of(make_spec({"size_mult": 1.1, "entry_aggression_mult": 1.1}, scope=DIP))
        other = Pull.of(make_spec({"size_mult": 0.9, "entry_aggression_mult": 1.05}, scope=NANO))

        assert opposed_levers(one, other) == ("size_mult",)

    @pytest.mark.parametrize(
        "other",
        [
            size(0.9, GOOD),
            size(1.2, NANO),
            size(0.9, NANO, action_category="add"),
            size(0.9, NANO, pattern_key="ema.long.cross"),
            Pull.of(make_spec({"entry_aggression_mult": 0.9}, scope=NANO)),
            size(0.9, DIP),
        ],
        ids=[
            "another phase",
            "same direction",
            "another action",
            "another pattern",
            "another lever",
            "the line itself",
        ],
    )
    def test_is_empty_where_nothing_pulls_against(self, other: Pull) -> None:
        assert opposed_levers(size(1.1, DIP), other) == ()


class TestOpposition:
    def test_finds_for_each_line_what_pulls_against_it(self) -> None:
        up, down, apart = size(1.1, DIP), size(0.9, NANO), size(0.9, GOOD)

        found = opposition([up, down, apart], [up, down, apart])

        assert {line: [each.other for each in against] for line, against in found.items()} == {
            up.line: [down], down.line: [up],
        }  # fmt: skip

    def test_is_symmetric(self) -> None:
        specs = [size(1 + sign * 0.1, scope) for sign in (1, -1) for scope in ({}, DIP, NANO, DIP | NANO)]
        found = opposition(specs, specs)
        pairs = {(line, each.other.line) for line, against in found.items() for each in against}

        assert pairs == {(other, one) for one, other in pairs}
