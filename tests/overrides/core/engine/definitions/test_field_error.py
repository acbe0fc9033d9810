from __future__ import annotations

import pickle

import pytest

from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.json_fields import finite, within


class TestFieldError:
    def test_keeps_path_and_message_apart_whatever_they_hold(self) -> None:
        error = FieldError("scope.a: b", "must be text: 1 to 64 characters")

        assert (error.path, error.message) == ("scope.a: b", "must be text: 1 to 64 characters")
        assert str(error) == "scope.a: b: must be text: 1 to 64 characters"

    def test_of_the_object_itself_has_no_path(self) -> None:
        error = FieldError.because("override a: given twice; keep one")

        assert (error.path, str(error)) == ("", "override a: given twice; keep one")

    def test_is_told_from_the_object_around_it(self) -> None:
        assert str(FieldError("n", "missing").under("stats").under("override")) == "override.stats.n: missing"
        assert str(FieldError.because("is empty").under("levers")) == "levers: is empty"

    def test_is_a_value_error_that_survives_pickling(self) -> None:
        error = pickle.loads(pickle.dumps(FieldError("n", "missing")))

        assert isinstance(error, FieldError)
        assert issubclass(FieldError, ValueError)
        assert (error.path, error.message) == ("n", "missing")

    def test_joined_with_none_besides_keeps_its_path(self) -> None:
        assert FieldError.joined([FieldError("n", "missing")]).path == "n"

    def test_joined_with_others_names_every_path_in_its_message(self) -> None:
        error = FieldError.joined([FieldError("n", "missing"), FieldError.because("is of another line")])

        assert (error.path, error.message) == ("", "n: missing; is of another line")


class TestWithin:
    def test_puts_the_place_before_the_path(self) -> None:
        with pytest.raises(FieldError) as caught, within("lessons"):
            finite("3", "edge_min")

        assert (caught.value.path, caught.value.message) == ("lessons.edge_min", "'3' is not a number; state a number")
