from __future__ import annotations

from typing import Any

import pytest

from overrides.core.engine.definitions.vocabulary import Reason
from overrides.core.monitoring.replaying.json_diff import MISSING, Difference, differences


def parted(stored: Any, recomputed: Any, **over: bool) -> list[str]:
    return [str(each).removeprefix("x: ") for each in differences("x", "f", stored, recomputed, **over)]


class TestDifferences:
    @pytest.mark.parametrize(
        ("stored", "recomputed"),
        [
            ({"a": [1, {"id": "i", "w": 0.1}]}, {"a": (1.0, {"id": "i", "w": 0.1 + 1e-12})}),
            ("SINGLE", Reason.SINGLE),
            ([], ()),
            (None, None),
            (0.0, -0.0),
        ],
    )
    def test_are_none_between_equal_values_however_they_are_spelt(self, stored: Any, recomputed: Any) -> None:
        assert parted(stored, recomputed) == []

    @pytest.mark.parametrize(
        ("stored", "recomputed", "named"),
        [
            ({"a": {"b": 1.0}}, {"a": {"b": 1.000000002}}, "f.a.b is 1.0, recomputed 1.000000002"),
            ({"a": 1}, {}, "f.a is 1, recomputed missing"),
            ({}, {"a": 1}, "f.a is missing, recomputed 1"),
            ([{"id": "i", "w": 1}], [{"id": "i", "w": 2}], "f[i].w is 1, recomputed 2"),
            ([{"id": "i"}], [{"id": "j"}], "f is ['i'], recomputed ['j']"),
            ([{"id": "i"}, {"id": "j"}], [{"id": "j"}, {"id": "i"}], "f is ['i', 'j'], recomputed ['j', 'i']"),
            (["BOUND_LOW"], [], "f is ['BOUND_LOW'], recomputed []"),
            ([1.0], [2.0], "f[0] is 1.0, recomputed 2.0"),
            (True, 1, "f is True, recomputed 1"),
            (1.0, None, "f is 1.0, recomputed None"),
            ("a", "b", "f is 'a', recomputed 'b'"),
        ],
    )
    def test_are_named_by_their_path(self, stored: Any, recomputed: Any, named: str) -> None:
        assert parted(stored, recomputed) == [named]

    def test_come_one_for_every_leaf(self) -> None:
        assert parted({"a": 1, "b": {"c": 2}, "d": 3}, {"a": 9, "b": {"c": 9}, "d": 3}) == [
            "f.a is 1, recomputed 9",
            "f.b.c is 2, recomputed 9",
        ]

    @pytest.mark.parametrize(("units", "count"), [(1, 0), (2, 1)])
    def test_leave_a_unit_of_the_ninth_decimal_to_another_build(self, units: int, count: int) -> None:
        assert len(parted(1.02, 1.02 + units * 1e-9, same_build=False)) == count
        assert len(parted(1.02, 1.02 + units * 1e-9)) == 1

    def test_stay_short_however_long_the_values_are(self) -> None:
        assert len(str(Difference("x", "f", "y" * 5000, MISSING))) < 300
