"""A module's governance policy: who must approve what, and what the builder may do alone (docs/design.md 12).

It is versioned data like the parameters and changes like them: through a request that others approve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.json_fields import closed_mapping, finite, positive, text, whole

LEAST_RETENTION = 90.0  # days: trades that are open so long may still name their decisions
MEASURED = "lines"  # the only kind of request whose whole effect is measured in steps


@dataclass(frozen=True)
class Agreement:
    """What agreeing to a request takes: how many approvals, and of members of which groups (empty: of any)."""

    needed: int
    groups: tuple[str, ...]


@dataclass(frozen=True)
class GovernancePolicy:
    """The rules of one module.

    - `approvals`: people who must approve a request.
    - `large_approvals`: people who must approve a request that moves more than `large_movement` steps, by itself or
      together with what was applied in the `window_days` before it (`exposure.steps_moved`, summed over lines; None:
      size does not matter).
    - `groups`: groups whose members may approve; empty: everybody with the permission.
    - `large_groups`: groups whose members may approve large requests; empty: the same.
    - `expires_days`: how long a request stays open; `mandate_days`: how long a mandate lasts.
    - `evidence_kept`: the share of the approved n and |edge| that must remain for a mandate to cover new statistics.
    - `least_n`: the fewest trades of a line that may be approved.
    - `daily_cap`: the most steps by which the builder may move a module in 24 hours.
    - `decision_retention_days`: how long decisions are kept that nothing cites, 90 days at least; None: for good. A
      month of decisions goes once both modules name it and the whole month is older than the longer of the two.
    - `lowering_applies`: lets new lines that lower exposure apply without a person.

    Limits on persons are groups too. Reviewers of module pm only are members of a group that the policy of pm names and
    that of dm does not. Reviewers of small movements only are those in `groups` but not in `large_groups`; they may not
    approve requests without a size either, which are all kinds but lines.

    Building a policy raises FieldError for a rule that is out of its range.

    >>> GovernancePolicy.from_document({"approvals": 2}).approvals
    2
    >>> GovernancePolicy.from_document({"approvals": 0})
    Traceback (most recent call last):
    overrides.core.engine.definitions.field_error.FieldError: approvals: must be 1 to 9
    """

    approvals: int = 1
    large_movement: float | None = None
    large_approvals: int = 2
    window_days: float = 1.0
    groups: tuple[str, ...] = ()
    large_groups: tuple[str, ...] = ()
    expires_days: float = 14.0
    mandate_days: float = 90.0
    evidence_kept: float = 0.5
    least_n: float = 10.0
    daily_cap: float = 50.0
    lowering_applies: bool = False
    decision_retention_days: float | None = None

    def __post_init__(self) -> None:
        for name in ("approvals", "large_approvals"):
            self._set(name, whole(getattr(self, name), name, 1, 9))
        if self.large_approvals < self.approvals:
            raise FieldError("large_approvals", f"must be at least approvals, {self.approvals}")
        if self.large_movement is not None:
            self._set("large_movement", finite(self.large_movement, "large_movement", low=0))
        for name in ("window_days", "expires_days", "mandate_days"):
            self._set(name, positive(getattr(self, name), name, high=3650))
        self._set("evidence_kept", finite(self.evidence_kept, "evidence_kept", 0, 1))
        for name in ("least_n", "daily_cap"):
            self._set(name, finite(getattr(self, name), name, low=0))
        for name in ("groups", "large_groups"):
            named = getattr(self, name)
            if not isinstance(named, list | tuple):
                raise FieldError(name, "must be a list of names of groups")
            self._set(name, tuple(text(each, name, 150) for each in named))
        if self.decision_retention_days is not None:
            kept = finite(self.decision_retention_days, "decision_retention_days", LEAST_RETENTION, 36_500)
            self._set("decision_retention_days", kept)
        if not isinstance(self.lowering_applies, bool):
            raise FieldError("lowering_applies", "must be true or false")

    @classmethod
    def from_document(cls, document: object) -> Self:
        """Parse a policy; missing fields take their defaults. Raises FieldError."""
        return cls(**closed_mapping(document, "policy", {each.name for each in fields(cls)}))

    def to_document(self) -> dict[str, Any]:
        """Return the policy as JSON values; a policy that keeps decisions for good does not name their retention."""
        document = asdict(self) | {"groups": list(self.groups), "large_groups": list(self.large_groups)}
        if self.decision_retention_days is None:
            del document["decision_retention_days"]  # as documents were signed before there was this rule
        return document

    def agreement(self, kind: str, movement: float, moved_before: float = 0.0) -> Agreement:
        """Return what approval takes for a request that moves so many steps, after so many within the window.

        >>> GovernancePolicy(large_movement=20, large_groups=("board",)).agreement("lines", 21)
        Agreement(needed=2, groups=('board',))
        """
        return Agreement(self.needed(movement, moved_before), self.groups_for(kind, movement, moved_before))

    def needed(self, movement: float, moved_before: float = 0.0) -> int:
        """Return the approvals needed by a request that moves so many steps, after so many within the window.

        >>> GovernancePolicy(large_movement=20).needed(5), GovernancePolicy(large_movement=20).needed(5, 16)
        (1, 2)
        """
        return self.large_approvals if self._is_large(movement + moved_before) else self.approvals

    def groups_for(self, kind: str, movement: float, moved_before: float = 0.0) -> tuple[str, ...]:
        """Return the groups whose members may approve such a request; empty: everybody with the permission.

        >>> GovernancePolicy(large_movement=20, groups=("desk",), large_groups=("board",)).groups_for("lines", 21)
        ('board',)
        """
        is_for_all = kind == MEASURED and not self._is_large(movement + moved_before)
        return self.groups if is_for_all or not self.large_groups else self.large_groups

    def _is_large(self, moved: float) -> bool:
        return self.large_movement is not None and moved > self.large_movement

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


def may_count(groups_of_voter: Sequence[str], named: Sequence[str]) -> bool:
    """Return whether the vote of a member of these groups counts if the policy names the groups `named`.

    >>> may_count(["reviewer"], ("risk",)), may_count([], ())
    (False, True)
    """
    return not named or not set(named).isdisjoint(groups_of_voter)
