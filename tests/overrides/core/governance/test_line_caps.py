"""Caps: how far a share of a movement goes, what lies beyond, and what stays within."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.governance.line_caps import beyond_cap, cap_on_movement, moves_away, within_cap

SIZES = st.floats(0.7, 1.3)
SHARES = st.floats(0.01, 0.99)


class TestCapOnMovement:
    def test_leaves_a_share_of_the_way_from_what_is_in_force(self) -> None:
        """From ln 1.1 to ln 1.21 it is ln 1.1; half of that way ends at 1.1 ** 1.5."""
        cap = cap_on_movement({"size_mult": 1.1}, {"size_mult": 1.21}, 0.5)

        assert cap == {"size_mult": pytest.approx(1.1**1.5, abs=1e-12)}

    def test_begins_at_neutral_where_the_lever_changes_sides(self) -> None:
        cap = cap_on_movement({"size_mult": 0.9}, {"size_mult": 1.21}, 0.5)

        assert cap == {"size_mult": pytest.approx(1.1, abs=1e-12)}

    @given(before=SIZES, after=SIZES, share=SHARES)
    def test_lies_between_what_is_in_force_and_what_was_proposed(
        self, before: float, after: float, share: float
    ) -> None:
        (cap,) = cap_on_movement({"size_mult": before}, {"size_mult": after}, share).values()

        assert min(before, after) - 1e-12 <= cap <= max(before, after) + 1e-12
        assert abs(math.log(cap)) <= abs(math.log(after)) + 1e-12


class TestMovesAway:
    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [
            ({}, {"size_mult": 1.1}, True),
            ({}, {"size_mult": 1.0}, False),
            ({"size_mult": 1.1}, {"size_mult": 1.1}, False),
            ({"size_mult": 1.1}, {"size_mult": 1.05}, False),
            ({"size_mult": 1.1}, {"size_mult": 0.99}, True),
            ({"size_mult": 1.1}, {"size_mult": 1.05, "entry_aggression_mult": 1.05}, True),
        ],
    )
    def test_is_farther_from_neutral_or_on_its_other_side(
        self, before: dict[str, float], after: dict[str, float], expected: bool
    ) -> None:
        assert moves_away(before, after) is expected


class TestBeyond:
    def test_counts_the_distance_from_neutral_in_either_direction(self) -> None:
        cap = {"size_mult": 1.25}

        assert beyond_cap({"size_mult": 0.8}, cap) == []  # 1 / 1.25
        assert beyond_cap({"size_mult": 0.79}, cap) == ["size_mult: 0.79 is farther from neutral than 1.25"]
        assert beyond_cap({"size_mult": 1.25, "entry_aggression_mult": 1.2}, cap) == []

    def test_counts_linear_levers_in_their_own_units(self) -> None:
        cap = {"min_ts_for_add": 0.55}

        assert beyond_cap({"min_ts_for_add": 0.65}, cap) == []
        assert len(beyond_cap({"min_ts_for_add": 0.66}, cap)) == 1

    @given(value=SIZES, cap=SIZES.filter(lambda each: abs(each - 1) > 1e-6))
    def test_is_never_what_was_brought_within(self, value: float, cap: float) -> None:
        limits = {"size_mult": cap}
        within = within_cap({"size_mult": value}, limits)

        assert beyond_cap(within, limits) == []
        assert abs(math.log(within["size_mult"])) == pytest.approx(
            min(abs(math.log(value)), abs(math.log(cap))), abs=1e-11
        )
        assert LEVERS["size_mult"].unit(within["size_mult"]) * math.log(value) >= 0
        if not beyond_cap({"size_mult": value}, limits):
            assert within == {"size_mult": value}
