"""Traces name levers by their places; one beyond the sixteenth makes the set of an override's levers wider."""

from __future__ import annotations

from typing import Any

import pytest

from telemetry.core.decision_trace import words
from telemetry.core.decision_trace.constants import Constants, pack_constants, steady
from telemetry.core.decision_trace.trace import Moved, Served, pack, unpack_moved, unpack_served

FACTORS = {"w_edge": 0.7, "w_n": 0.6, "w_var": 0.9, "w_decay": 0.8, "w_spec": 0.5, "w_total": 0.15}
FIRST, LAST = words.LEVERS[4], words.LEVERS[-1]


def contribution(targets: dict[str, float], ramping: list[str]) -> dict[str, Any]:
    parts = dict.fromkeys(targets, 0.01)
    return {"id": "a" * 64, "line": "b" * 64, "parts": parts, "targets": targets, "ramping": ramping} | FACTORS


def pack_and_read(*contributions: dict[str, Any]) -> Moved:
    packed = pack(Served({}), Moved(list(contributions)))
    return unpack_moved(packed.content, packed.movers, {each.key: each for each in packed.constants})


class TestConstants:
    def test_of_the_first_sixteen_levers_are_the_bytes_they_always_were(self) -> None:
        assert pack_constants(0b10, (1.1,), None).hex() == "0202009a9999999999f13f"
        assert pack_constants(1 << 15, None, (0.5,) * 4)[:3].hex() == "010080"

    @pytest.mark.parametrize("place", range(1, len(words.LEVERS)))
    def test_name_each_lever(self, place: int) -> None:
        found = steady(Constants("a", "b", pack_constants(1 << place | 1, (1.1, 0.9), (0.5,) * 4)))

        assert found.levers == (words.LEVERS[0], words.LEVERS[place])


class TestContributions:
    @pytest.mark.parametrize("targets", [{FIRST: 1.2}, {LAST: 1.3}, {FIRST: 1.2, LAST: 1.3}])
    @pytest.mark.parametrize("is_ramping", [False, True])
    def test_are_read_as_they_were_written(self, targets: dict[str, float], is_ramping: bool) -> None:
        one = contribution(targets, [next(iter(targets))] if is_ramping else [])
        other = contribution({FIRST: 0.9}, [])

        assert pack_and_read(other, one, other).contributions == [other, one, other]

    def test_of_two_widths_stand_side_by_side(self) -> None:
        narrow, wide = contribution({FIRST: 1.2}, [FIRST]), contribution({FIRST: 1.2, LAST: 0.8}, [LAST])

        assert pack_and_read(wide, narrow).contributions == [wide, narrow]


def test_a_lever_that_nothing_moved_takes_three_bytes_at_one_and_eleven_elsewhere() -> None:
    at_one = pack(Served({LAST: {"served": 1.0}}), Moved()).content
    elsewhere = pack(Served({"min_dx_for_add": {"served": 0.6}}), Moved()).content
    nothing = pack(Served({}), Moved()).content

    assert (len(at_one) - len(nothing), len(elsewhere) - len(nothing)) == (3, 11)
    assert unpack_served(elsewhere).levers == {"min_dx_for_add": {"served": 0.6}}
