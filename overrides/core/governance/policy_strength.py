"""What a governance policy lets through, by enumeration: the answer to "can one vote pass this?" and "is it weaker?".

A request is decided by its kind, by how far it moves (alone, or with what was applied before it in the window) and by
who votes. Both policies of a comparison are constant between their thresholds, so trying every kind, one movement on
each side of every threshold, and voters of every named group and of none tries every case there is.

Requests of mode, policy and trial have no size of their own: `large_approvals` never applies to them for what they
change, only where the steps applied before them in the window are already beyond `large_movement`. The examples say so.
Requests of parameters and rollbacks move lines, and count as large like requests of lines.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from overrides.core.governance.governance_policy import MEASURED, GovernancePolicy, may_count

PARTLY_MEASURED = "parameters"  # stands for parameters and rollback, which move lines besides what has no size
UNMEASURED = "mode"  # stands for mode, policy and trial, which move no line
# Each kind in words: however far it moves, and up to a number of steps (with what was applied before it).
WORDS = {
    MEASURED: ("lines, however large,", "lines that moves {moved} steps"),
    PARTLY_MEASURED: ("any other kind, however large,", "parameters or a rollback that moves {moved} steps"),
    UNMEASURED: (
        "any other kind, however large,",
        "mode, policy or trial, which has no size of its own, after {moved} steps at most in the window",
    ),
}
MOST_VOTES = 9
WITHOUT_A_VOTE = (
    "Steps towards neutral (off, shadow, retire, veto) take effect without a vote under any policy, and so does what "
    "the builder publishes under mandates that votes have signed."
)
# Fields outside the voting rules: (field, whether a larger value allows more, what it allows).
LIMITS = (
    ("window_days", False, "movement adds up over a shorter time before it counts as large"),
    ("expires_days", True, "a request may wait longer before it expires"),
    ("mandate_days", True, "the builder acts longer on one approval"),
    ("evidence_kept", False, "the builder may publish on less of the evidence that was approved"),
    ("least_n", False, "overrides that rest on fewer trades may be approved"),
    ("daily_cap", True, "the builder may move the module farther in a day"),
    ("lowering_applies", True, "new overrides that lower exposure apply without a person"),
    ("decision_retention_days", False, "decisions that nothing cites are dropped sooner"),
)


@dataclass(frozen=True, slots=True)
class Case:
    """A request and its voters: `moved` in steps with what was applied before, every voter a member of `group`."""

    kind: str
    moved: float
    votes: int
    group: str | None

    def __str__(self) -> str:
        who = "a reviewer of no named group" if self.group is None else f"a member of {self.group}"
        any_size, up_to = WORDS[self.kind]
        what = any_size if math.isinf(self.moved) else up_to.format(moved=f"{self.moved:g}")
        return f"a request of {what} with {self.votes} vote{'s' if self.votes > 1 else ''} of {who}"


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

    >>> for case in one_vote_examples(GovernancePolicy(large_movement=20)):
    ...     print(case)
    a request of lines that moves 20 steps with 1 vote of a reviewer of no named group
    a request of parameters or a rollback that moves 20 steps with 1 vote of a reviewer of no named group
    a request of mode, policy or trial, which has no size of its own, after 20 steps at most in the window with 1 vote \
of a reviewer of no named group
    >>> one_vote_examples(GovernancePolicy(approvals=2))
    []
    """
    found: dict[str, Case] = {}
    for case in _cases(policy, policy):
        largest = found.get(case.kind)
        if case.votes == 1 and passes(policy, case) and (largest is None or case.moved > largest.moved):
            found[case.kind] = case
    return list({str(case): case for case in found.values()}.values())


def weakenings(old: GovernancePolicy, new: GovernancePolicy) -> list[str]:
    """In words, each way in which the new policy lets through what the old one does not; empty where it is no weaker.

    >>> weakenings(GovernancePolicy(approvals=2), GovernancePolicy())[0]
    'a request of lines, however large, with 1 vote of a reviewer of no named group would pass'
    >>> weakenings(GovernancePolicy(), GovernancePolicy(approvals=2, daily_cap=10))
    []
    """
    passing: dict[tuple[str, str | None], Case] = {}
    for case in _cases(old, new):
        if passes(new, case) and not passes(old, case):
            passing.setdefault((case.kind, case.group), case)
    by_anybody = {case for case in passing.values() if case.group is None}
    cases = [case for case in passing.values() if case.group is None or replace(case, group=None) not in by_anybody]
    found = list(dict.fromkeys(f"{case} would pass" for case in cases))
    has_window = None not in (old.large_movement, new.large_movement)
    for name, larger_is_weaker, meaning in LIMITS:
        if name == "window_days" and not has_window:
            continue  # nothing adds up where no movement counts as large
        was, becomes = _limit(old, name), _limit(new, name)
        if becomes != was and (becomes > was) == larger_is_weaker:
            found.append(f"{meaning}: {name} from {_worded(was)} to {_worded(becomes)}")
    return found


def _limit(policy: GovernancePolicy, name: str) -> float:
    value = getattr(policy, name)
    return math.inf if value is None else float(value)


def _worded(limit: float) -> str:
    return "none" if math.isinf(limit) else f"{limit:g}"


def _cases(one: GovernancePolicy, other: GovernancePolicy) -> Iterator[Case]:
    """Every case that two policies can tell apart; the fewest votes first, and of those the largest movement."""
    thresholds = {each.large_movement for each in (one, other) if each.large_movement is not None}
    moved = [math.inf, *sorted(thresholds, reverse=True)]  # a movement at a threshold is not large yet
    groups: list[str | None] = [None, *sorted({*one.groups, *one.large_groups, *other.groups, *other.large_groups})]
    for kind, group, votes, size in product(WORDS, groups, range(1, MOST_VOTES + 1), moved):
        yield Case(kind, size, votes, group)
