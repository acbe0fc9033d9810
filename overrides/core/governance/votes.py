"""Which votes count: a person's latest word on the content as it stands, while that person may still give it.

Asked again whenever an approval is relied on (at a step, at the due time of a schedule, under a mandate), so that an
approval ends with the right to give it and comes back with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
class Tally:
    """The votes on a request as they count now.

    `standings` has each vote's by its sequence number, `approvers` the people whose approval counts, `lapsed` in words
    the approvals that counted once and do not now.
    """

    standings: Mapping[int, Standing]
    approvers: frozenset[int]
    lapsed: tuple[str, ...]


def tally(votes: Iterable[VoteCast], content_hash: str, author: int | None, groups: Sequence[str]) -> Tally:
    """Count the votes on this content of a request under a policy that names these groups.

    >>> yes, no = VoteCast(1, 7, "ann", True, "h"), VoteCast(2, 7, "ann", False, "h")
    >>> tally([yes, no], "h", None, ()).standings
    {1: <Standing.REPLACED: 'replaced by a later vote'>, 2: <Standing.AGAINST: 'against'>}
    >>> counted = tally([yes, VoteCast(3, 8, "bob", True, "h", may_review=False)], "h", None, ())
    >>> counted.approvers, counted.lapsed
    (frozenset({7}), ('bob: demoted',))
    """
    ordered = sorted(votes, key=lambda vote: vote.sequence)
    latest = {vote.voter: vote.sequence for vote in ordered if vote.content_hash == content_hash}
    found = {vote.sequence: _standing(vote, content_hash, latest, author, groups) for vote in ordered}
    return Tally(
        found,
        frozenset(vote.voter for vote in ordered if found[vote.sequence] is Standing.COUNTS),
        tuple(f"{vote.name}: {found[vote.sequence]}" for vote in ordered if found[vote.sequence] in LAPSED),
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
