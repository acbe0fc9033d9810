"""Which votes count: a person's latest word on the content as it stands, while that person may still give it.

Asked again whenever an approval is relied on (at a step, at the due time of a schedule, under a mandate), so that an
approval ends with the right to give it and comes back with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from overrides.core.governance.governance_policy import may_count


class Standing(StrEnum):
    """Why a vote counts, or does not; the words stand beside the vote on its page."""

    COUNTS = "counts"
    AGAINST = "against"
    OTHER_CONTENT = "edited since"
    REPLACED = "replaced by a later vote"
    OWN = "own request"
    DEACTIVATED = "deactivated"
    DEMOTED = "demoted"
    OTHER_GROUP = "of no group whose votes count"


LAPSED = frozenset({Standing.DEACTIVATED, Standing.DEMOTED, Standing.OTHER_GROUP})


@dataclass(frozen=True, slots=True)
class VoteCast:
    """A vote and its giver as they are now. `sequence` orders the votes as the database numbered them."""

    sequence: int
    voter: int
    name: str
    approves: bool
    content_hash: str
    is_active: bool = True
    may_review: bool = True
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signatures:
    """The ids of the people whose approvals count, and in words the approvals whose givers may not give them now.

    `standings` has the standing of each vote, by its sequence number; `names` are those of the people, in order.
    """

    approvers: frozenset[int]
    lapsed: tuple[str, ...]
    standings: Mapping[int, Standing] = field(repr=False)
    names: tuple[str, ...] = field(repr=False, default=())


def standings(
    votes: Iterable[VoteCast], content_hash: str, author: int | None, groups: Sequence[str]
) -> dict[int, Standing]:
    """The standing of each vote, by its sequence number, under a policy that names these groups.

    >>> yes, no = VoteCast(1, 7, "ann", True, "h"), VoteCast(2, 7, "ann", False, "h")
    >>> standings([yes, no], "h", None, ())
    {1: <Standing.REPLACED: 'replaced by a later vote'>, 2: <Standing.AGAINST: 'against'>}
    >>> standings([VoteCast(3, 8, "bob", True, "h", may_review=False)], "h", None, ())
    {3: <Standing.DEMOTED: 'demoted'>}
    """
    ordered = sorted(votes, key=lambda vote: vote.sequence)
    latest = {vote.voter: vote.sequence for vote in ordered if vote.content_hash == content_hash}
    return {vote.sequence: _standing(vote, content_hash, latest, author, groups) for vote in ordered}


def signatures(votes: Iterable[VoteCast], content_hash: str, author: int | None, groups: Sequence[str]) -> Signatures:
    """Return whose approvals of this content count now, and which counted once and do not now.

    >>> signatures([VoteCast(1, 7, "ann", True, "h"), VoteCast(2, 8, "bob", True, "h", is_active=False)], "h", None, ())
    Signatures(approvers=frozenset({7}), lapsed=('bob: deactivated',))
    """
    votes = list(votes)
    found = standings(votes, content_hash, author, groups)
    return Signatures(
        frozenset(vote.voter for vote in votes if found[vote.sequence] is Standing.COUNTS),
        tuple(f"{vote.name}: {found[vote.sequence]}" for vote in votes if found[vote.sequence] in LAPSED),
        found,
        tuple(sorted({vote.name for vote in votes if found[vote.sequence] is Standing.COUNTS})),
    )


def _standing(
    vote: VoteCast, content_hash: str, latest: dict[int, int], author: int | None, groups: Sequence[str]
) -> Standing:
    if vote.content_hash != content_hash:
        return Standing.OTHER_CONTENT
    if latest[vote.voter] != vote.sequence:
        return Standing.REPLACED
    if not vote.approves:
        return Standing.AGAINST
    if vote.voter == author:
        return Standing.OWN
    if not vote.is_active:
        return Standing.DEACTIVATED
    if not vote.may_review:
        return Standing.DEMOTED
    return Standing.COUNTS if may_count(vote.groups, groups) else Standing.OTHER_GROUP
