from __future__ import annotations

import pickle

import pytest

from telemetry.foundation.core.refusal import Refusal, Refused, join, label, shown


class TestRefused:
    def test_moves_every_refusal_below_a_place(self) -> None:
        error = Refused(Refusal("[0].rr", "a"), Refusal("", "b")).under("actions").under("trades[1]")

        assert [each.field for each in error.refusals] == ["trades[1].actions[0].rr", "trades[1].actions"]

    def test_survives_the_way_between_processes(self) -> None:
        error = pickle.loads(pickle.dumps(Refused(Refusal("rr", "missing"))))

        assert error.refusals == (Refusal("rr", "missing"),)

    def test_is_a_value_error_that_names_field_and_reason(self) -> None:
        with pytest.raises(ValueError, match=r"^rr: missing; side: unknown$"):
            raise Refused(Refusal("rr", "missing"), Refusal("side", "unknown"))


class TestJoin:
    @pytest.mark.parametrize(
        ("place", "field", "path"),
        [("", "", ""), ("", "[0]", "[0]"), ("a", "", "a"), ("a", "[0]", "a[0]"), ("a[0]", "b", "a[0].b")],
    )
    def test_writes_indexes_without_a_dot(self, place: str, field: str, path: str) -> None:
        assert join(place, field) == path


class TestShown:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("\ud800\0", r"'\ud800\x00'"),
            ("x" * 1000, "'" + "x" * 60 + "'…"),
            pytest.param(10**5000, "a very large integer", id="huge"),
            (float("nan"), "NaN"),
            (float("-inf"), "-Infinity"),
            ({"a": 1}, "an object"),
            (object, "a value of type type"),
            (False, "false"),
            (-3, "-3"),
        ],
    )
    def test_is_short_and_printable(self, value: object, text: str) -> None:
        assert shown(value) == text

    def test_does_not_descend(self) -> None:
        deep: list[object] = []
        for _ in range(100_000):
            deep = [deep]

        assert shown(deep) == "a list"


class TestLabel:
    def test_escapes_what_could_not_be_stored_or_read(self) -> None:
        assert label("\ud800") == r"['\ud800']"
        assert label("a.b") == "['a.b']"
        assert label(7) == "[7]"
