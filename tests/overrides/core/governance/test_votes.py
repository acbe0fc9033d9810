"""Whose votes count: the latest word of a person who may still give it, on the content as it stands."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.governance.votes import Standing, VoteCast, signatures, standings

YES = VoteCast(1, 7, "ann", True, "h", groups=("risk",))
AUTHOR = 9


class TestStandings:
    @pytest.mark.parametrize(
        ("vote", "standing"),
        [
            (YES, Standing.COUNTS),
            (replace(YES, approves=False), Standing.AGAINST),
            (replace(YES, content_hash="older"), Standing.OTHER_CONTENT),
            (replace(YES, voter=AUTHOR), Standing.OWN),
            (replace(YES, is_active=False), Standing.DEACTIVATED),
            (replace(YES, may_review=False), Standing.DEMOTED),
            (replace(YES, groups=("desk",)), Standing.OTHER_GROUP),
            (replace(YES, is_active=False, may_review=False, groups=()), Standing.DEACTIVATED),
        ],
    )
    def test_name_why_a_vote_counts_or_does_not(self, vote: VoteCast, standing: Standing) -> None:
        assert standings([vote], "h", AUTHOR, ("risk",)) == {1: standing}

    def test_follow_the_sequence_of_the_database_and_not_the_order_given(self) -> None:
        later_no = replace(YES, sequence=2, approves=False)

        assert standings([later_no, YES], "h", None, ()) == {1: Standing.REPLACED, 2: Standing.AGAINST}

    def test_are_of_any_reviewer_where_the_policy_names_no_group(self) -> None:
        assert standings([replace(YES, groups=())], "h", None, ())[1] is Standing.COUNTS


VOTES = st.lists(
    st.builds(
        VoteCast, st.just(0), st.integers(1, 4), st.just("x"), st.booleans(), st.sampled_from(["h", "older"]),
        st.booleans(), st.booleans(), st.sampled_from([(), ("risk",), ("desk", "risk")]),
    ),
    max_size=8,
).map(lambda votes: [replace(vote, sequence=number) for number, vote in enumerate(votes, start=1)])  # fmt: skip


class TestSignatures:
    @given(VOTES, st.sampled_from([(), ("risk",)]))
    def test_agree_with_a_loop_over_people(self, votes: list[VoteCast], groups: tuple[str, ...]) -> None:
        expected = set()
        for person in {1, 2, 3, 4} - {4}:  # 4 is the author
            last = [vote for vote in votes if vote.voter == person and vote.content_hash == "h"][-1:]
            counts = last and last[0].approves and last[0].is_active and last[0].may_review
            if counts and (not groups or "risk" in last[0].groups):
                expected.add(person)

        assert signatures(votes, "h", 4, groups).approvers == expected

    def test_name_the_approvals_that_lapsed_and_no_others(self) -> None:
        votes = [
            replace(YES, is_active=False),
            replace(YES, sequence=2, voter=8, name="bob", may_review=False),
            replace(YES, sequence=3, voter=10, name="cy", approves=False, is_active=False),
        ]

        assert signatures(votes, "h", None, ()).lapsed == ("ann: deactivated", "bob: demoted")

    def test_name_the_people_whose_approvals_count_in_order_and_no_others(self) -> None:
        votes = [
            replace(YES, voter=8, name="bob"),
            replace(YES, sequence=2),
            replace(YES, sequence=3, voter=10, name="cy", is_active=False),
            replace(YES, sequence=4, voter=11, name="dee", approves=False),
        ]

        assert signatures(votes, "h", None, ("risk",)).names == ("ann", "bob")

    def test_name_an_approval_whose_giver_left_the_groups(self) -> None:
        moved = replace(YES, groups=("desk",))

        assert signatures([moved], "h", None, ("risk",)).lapsed == ("ann: of no group whose votes count",)
