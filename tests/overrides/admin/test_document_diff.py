"""Documents compared field by field."""

from __future__ import annotations

import pytest

from overrides.admin.document_diff import ABSENT, Difference, document_differences, worded


class TestDifferences:
    def test_name_the_path_and_both_sides(self) -> None:
        before = {"weights": {"n_target": 25.0, "prior_weight": 0.0}, "books": ["paper"]}
        after = {"weights": {"n_target": 30.0, "prior_weight": 0.0}, "books": ["paper", "live"]}

        assert document_differences(before, after) == [
            Difference("weights.n_target", "25", "30"),
            Difference("books", "paper", "paper, live"),
        ]

    def test_have_a_side_missing_where_a_field_comes_or_goes(self) -> None:
        found = document_differences({"allow": {"bucket": ["micro"]}}, {"allow": {"chain": ["base"]}})

        assert found == [
            Difference("allow.chain", "\N{EN DASH}", "base"),
            Difference("allow.bucket", "micro", "\N{EN DASH}"),
        ]

    def test_are_none_between_equals(self) -> None:
        assert document_differences({"a": {"b": 1.0}, "c": {}}, {"a": {"b": 1.0}}) == []


@pytest.mark.parametrize(
    ("value", "words"),
    [(1.0, "1"), (0.02, "0.02"), (None, "none"), (["a", "b"], "a, b"), ([], "none"), (2_000_000, "2000000"),
     (True, "yes"), (ABSENT, "\N{EN DASH}"), (1e-7, "1e-07")],
)  # fmt: skip
def test_values_are_worded_without_braces(value: object, words: str) -> None:
    assert worded(value) == words
