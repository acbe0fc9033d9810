"""A module's governance policy as a document."""

from __future__ import annotations

from typing import Any

import pytest

from overrides.core.governance.governance_policy import GovernancePolicy, may_count


class TestGovernancePolicy:
    def test_reads_back_what_it_writes(self) -> None:
        policy = GovernancePolicy(
            approvals=2, large_movement=20, large_approvals=3, groups=("risk",), large_groups=("board",)
        )

        assert GovernancePolicy.from_document(policy.to_document()) == policy

    @pytest.mark.parametrize(
        ("document", "fault"),
        [
            ({"approvals": 0}, "approvals: must be 1 to 9"),
            ({"approvals": 1.5}, "approvals: 1.5 is not a whole number"),
            ({"approvals": True}, "approvals: True is not a number"),
            ({"approvals": 3}, "large_approvals: must be at least approvals, 3"),
            ({"large_movement": float("nan")}, "large_movement: nan is not finite"),
            ({"large_movement": -1}, "large_movement: must be 0 to"),
            ({"window_days": 0}, "window_days: must be"),
            ({"expires_days": 1e9}, "expires_days: must be"),
            ({"evidence_kept": 1.1}, "evidence_kept: must be 0 to 1"),
            ({"daily_cap": float("inf")}, "daily_cap: inf is not finite"),
            ({"groups": "risk"}, "groups: must be a list"),
            ({"groups": [""]}, "groups: must be text"),
            ({"large_groups": "board"}, "large_groups: must be a list"),
            ({"lowering_applies": 1}, "lowering_applies: must be true or false"),
            ({"self_approval": True}, r"policy\.self_approval: unknown name"),
            ([], "policy: must be an object"),
        ],
    )
    def test_refuses_what_is_no_policy(self, document: Any, fault: str) -> None:
        with pytest.raises(ValueError, match=fault):
            GovernancePolicy.from_document(document)

    def test_needs_more_approvals_for_what_moves_much_alone_or_together(self) -> None:
        policy = GovernancePolicy(approvals=1, large_movement=20, large_approvals=2)

        assert [policy.needed(moved, before) for moved, before in ((20, 0), (20.1, 0), (10, 10), (10, 10.1))] == [
            1, 2, 1, 2,
        ]  # fmt: skip

    def test_does_not_mind_size_by_default(self) -> None:
        assert GovernancePolicy().needed(1e6, 1e6) == 1

    def test_names_other_groups_for_what_moves_much(self) -> None:
        policy = GovernancePolicy(large_movement=20, groups=("desk",), large_groups=("board",))

        assert [policy.groups_for("lines", *moved) for moved in ((20,), (20.1,), (10, 10.1))] == [
            ("desk",), ("board",), ("board",),
        ]  # fmt: skip

    def test_names_the_same_groups_for_every_size_by_default(self) -> None:
        assert GovernancePolicy(large_movement=20, groups=("desk",)).groups_for("lines", 21) == ("desk",)
        assert GovernancePolicy(groups=("desk",), large_groups=("board",)).groups_for("lines", 1e6) == ("desk",)

    @pytest.mark.parametrize("kind", ["parameters", "policy", "mode", "rollback"])
    def test_counts_what_has_no_size_as_large(self, kind: str) -> None:
        policy = GovernancePolicy(large_movement=20, groups=("desk",), large_groups=("board",))

        assert policy.groups_for(kind, 0) == ("board",)


def test_votes_count_by_group_where_groups_are_named() -> None:
    assert [may_count(groups, ("risk", "board")) for groups in (["board", "x"], ["x"], [])] == [True, False, False]
