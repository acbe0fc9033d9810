"""Policies compared by enumeration, against a plain search over far more cases than the product tries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.core.governance.policy_strength import LIMITS, Case, one_vote_examples, passes, weakenings

GROUPS = ("desk", "risk", "board")
SIZES = [0.0, 0.5, 5.0, 5.1, 20.0, 20.1, 1e6]


@st.composite
def policies(draw: Any) -> GovernancePolicy:
    approvals = draw(st.integers(1, 3))
    return GovernancePolicy(
        approvals=approvals,
        large_movement=draw(st.sampled_from([None, 0.0, 5.0, 20.0])),
        large_approvals=draw(st.integers(approvals, 4)),
        groups=tuple(draw(st.sets(st.sampled_from(GROUPS), max_size=2))),
        large_groups=tuple(draw(st.sets(st.sampled_from(GROUPS), max_size=2))),
    )


def naive_cases() -> list[Case]:
    return [
        Case(kind, size, votes, group)
        for kind in ("lines", "parameters", "rollback", "mode", "policy", "trial")
        for size in SIZES
        for votes in range(1, 10)
        for group in (None, *GROUPS)
    ]


class TestWeakenings:
    @given(policies(), policies())
    def test_are_found_where_and_only_where_a_plain_search_finds_one(
        self, old: GovernancePolicy, new: GovernancePolicy
    ) -> None:
        is_weaker = any(passes(new, case) and not passes(old, case) for case in naive_cases())

        assert bool(weakenings(old, new)) == is_weaker

    @given(policies())
    def test_of_a_policy_against_itself_are_none(self, policy: GovernancePolicy) -> None:
        assert weakenings(policy, policy) == []

    def test_name_no_group_where_anybody_passes(self) -> None:
        old = GovernancePolicy(approvals=2, large_approvals=2, groups=("desk",))

        assert weakenings(old, GovernancePolicy()) == [
            "a request of lines, however large, with 1 vote of a reviewer of no named group would pass",
            "a request of any other kind, however large, with 1 vote of a reviewer of no named group would pass",
        ]

    @pytest.mark.parametrize(("name", "larger_is_weaker", "meaning"), LIMITS)
    def test_name_the_limit_that_was_relaxed(self, name: str, larger_is_weaker: bool, meaning: str) -> None:
        values: Any = {"lowering_applies": (False, True), "decision_retention_days": (90.0, 365.0)}
        low, high = ({name: value} for value in values.get(name, (0.5, 0.75)))
        sized = GovernancePolicy(large_movement=20.0)
        stricter, laxer = replace(sized, **low), replace(sized, **high)
        old, new = (stricter, laxer) if larger_is_weaker else (laxer, stricter)

        assert weakenings(new, old) == []
        (found,) = weakenings(old, new)
        assert found.startswith(meaning)

    def test_do_not_name_the_window_where_no_movement_counts_as_large(self) -> None:
        assert weakenings(GovernancePolicy(window_days=7), GovernancePolicy(window_days=1)) == []


class TestOneVote:
    @given(policies())
    def test_has_an_example_where_and_only_where_one_vote_passes_something(self, policy: GovernancePolicy) -> None:
        found = one_vote_examples(policy)

        assert all(case.votes == 1 and passes(policy, case) for case in found)
        assert {case.kind == "lines" for case in found} == {
            case.kind == "lines" for case in naive_cases() if case.votes == 1 and passes(policy, case)
        }

    def test_names_the_largest_movement_that_passes(self) -> None:
        policy = GovernancePolicy(large_movement=20.0, groups=("desk",), large_groups=("board",))

        assert [str(each) for each in one_vote_examples(policy)] == [
            "a request of lines that moves 20 steps with 1 vote of a member of desk",
            "a request of parameters or a rollback that moves 20 steps with 1 vote of a member of board",
            "a request of mode, policy or trial, which has no size of its own, after 20 steps at most in the window "
            "with 1 vote of a member of board",
        ]

    def test_of_a_policy_without_sizes_passes_all_kinds_however_large(self) -> None:
        assert [str(each) for each in one_vote_examples(GovernancePolicy())] == [
            "a request of lines, however large, with 1 vote of a reviewer of no named group",
            "a request of any other kind, however large, with 1 vote of a reviewer of no named group",
        ]

    def test_prefers_the_group_that_passes_more(self) -> None:
        policy = GovernancePolicy(large_movement=20.0, large_approvals=1, groups=("desk",), large_groups=("board",))

        assert str(one_vote_examples(policy)[0]).startswith(
            "a request of lines, however large, with 1 vote of a member"
        )
        assert one_vote_examples(policy)[0].group == "board"

    @given(policies())
    def test_examples_are_the_largest_that_pass(self, policy: GovernancePolicy) -> None:
        largest = {each.kind: each.moved for each in one_vote_examples(policy)}
        for case in naive_cases():
            if case.votes == 1 and passes(policy, case) and case.kind == "lines":
                assert case.moved <= largest["lines"]
