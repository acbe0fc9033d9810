"""What a governance policy lets through, by enumeration: the answer to "can one vote pass this?" and "is it weaker?".

A request is decided by its kind, by how far it moves (alone, or with what was applied before it in the window) and by
who votes. Both policies of a comparison are constant between their thresholds, so trying every kind, one movement on
each side of every threshold, and voters of every named group and of none tries every case there is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from overrides.core.governance.governance_policy import MEASURED, GovernancePolicy, may_count

UNMEASURED = "parameters"  # stands for every kind whose effect has no size in steps
MOST_VOTES = 9
# Fields outside the voting rules: (field, whether a larger value allows more, what it allows).
LIMITS = (
    ("window_days", False, "movement adds up over a shorter time before it counts as large"),
    ("expires_days", True, "a request may wait longer before it expires"),
    ("mandate_days", True, "the builder acts longer on one approval"),
    ("evidence_kept", False, "the builder may publish on less of the evidence that was approved"),
    ("least_n", False, "overrides that rest on fewer trades may be approved"),
    ("daily_cap", True, "the builder may move the module farther in a day"),
    ("lowering_applies", True, "new overrides that lower exposure apply without a person"),
)


@dataclass(frozen=True, slots=True)
class Case:
    """A request and its voters: `moved` in steps with what was applied before, every voter a member of `group`."""

    kind: str
    moved: float
    votes: int
    group: str | None

    def __str__(self) -> str:
        size = "of any size" if math.isinf(self.moved) else f"that moves {self.moved:g} steps"
        what = f"a request of lines {size}" if self.kind == MEASURED else "a request of any other kind"
        who = "a reviewer of no named group" if self.group is None else f"a member of {self.group}"
        return f"{what} with {self.votes} vote{'s' if self.votes > 1 else ''} of {who}"


def passes(policy: GovernancePolicy, case: Case) -> bool:
    """Whether the votes of a case suffice under a policy.

    >>> passes(GovernancePolicy(groups=("risk",)), Case("lines", 1.0, 1, None))
    False
    """
    groups = policy.groups_for(case.kind, case.moved)
    counts = may_count([case.group] if case.group else [], groups)
    return counts and case.votes >= policy.needed(case.moved)


def one_vote_examples(policy: GovernancePolicy) -> list[Case]:
    """The largest request of each sort that a single vote passes; empty where no request passes with one vote.

    >>> [str(case) for case in one_vote_examples(GovernancePolicy(large_movement=20))][0]
    'a request of lines that moves 20 steps with 1 vote of a reviewer of no named group'
    >>> one_vote_examples(GovernancePolicy(approvals=2))
    []
    """
    found: dict[str, Case] = {}
    for case in _cases(policy, policy):
        if case.votes == 1 and passes(policy, case):
            found.setdefault(case.kind, case)
    return list(found.values())


def weakenings(old: GovernancePolicy, new: GovernancePolicy) -> list[str]:
    """In words, each way in which the new policy lets through what the old one does not; empty where it is no weaker.

    >>> weakenings(GovernancePolicy(approvals=2), GovernancePolicy())[0]
    'a request of lines of any size with 1 vote of a reviewer of no named group would pass'
    >>> weakenings(GovernancePolicy(), GovernancePolicy(approvals=2, daily_cap=10))
    []
    """
    passing: dict[tuple[str, str | None], Case] = {}
    for case in _cases(old, new):
        if passes(new, case) and not passes(old, case):
            passing.setdefault((case.kind, case.group), case)
    found = [f"{case} would pass" for case in passing.values()]
    for name, larger_is_weaker, meaning in LIMITS:
        was, becomes = float(getattr(old, name)), float(getattr(new, name))
        if becomes != was and (becomes > was) == larger_is_weaker:
            found.append(f"{meaning}: {name} from {getattr(old, name)} to {getattr(new, name)}")
    return found


def _cases(one: GovernancePolicy, other: GovernancePolicy) -> Iterator[Case]:
    """Every case that two policies can tell apart; the fewest votes first, and of those the largest movement."""
    thresholds = {each.large_movement for each in (one, other) if each.large_movement is not None}
    moved = [math.inf, *sorted(thresholds, reverse=True)]  # a movement at a threshold is not large yet
    groups: list[str | None] = [None, *sorted({*one.groups, *one.large_groups, *other.groups, *other.large_groups})]
    for kind, group, votes in product((MEASURED, UNMEASURED), groups, range(1, MOST_VOTES + 1)):
        for size in moved if kind == MEASURED else [0.0]:
            yield Case(kind, size, votes, group)
