"""A module's policy of governance: who must agree to what, and what the builder may do by itself (design 7).

Versioned data like the parameters, and changed as they are: through a request that others approve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from .reading import closed_mapping, finite, positive, text, whole


@dataclass(frozen=True)
class GovernancePolicy:
    """The rules of one module.

    `approvals` people must approve a request, `large_approvals` one that moves more than `large_movement` steps by
    itself, or together with what was applied in the `window_days` before it (`distance.steps_moved`, summed over
    lines; None: size does not matter). `groups` names whose members may approve (empty: everybody with the
    permission). `expires_days` is how long a request waits, `mandate_days` how long a mandate holds.
    `evidence_kept` is the share of the approved n and |edge| that must remain for the mandate to carry fresh
    statistics; `least_n` the fewest trades of any line that may be approved. `daily_cap` is the most steps that the
    builder may move a module in 24 hours. `lowering_applies` lets new lines that lower exposure apply by themselves.

    >>> GovernancePolicy.from_document({"approvals": 2}).approvals
    2
    >>> GovernancePolicy.from_document({"approvals": 0})
    Traceback (most recent call last):
    ValueError: approvals: must be 1 to 9
    """

    approvals: int = 1
    large_movement: float | None = None
    large_approvals: int = 2
    window_days: float = 1.0
    groups: tuple[str, ...] = ()
    expires_days: float = 14.0
    mandate_days: float = 90.0
    evidence_kept: float = 0.5
    least_n: float = 10.0
    daily_cap: float = 50.0
    lowering_applies: bool = False

    def __post_init__(self) -> None:
        for name in ("approvals", "large_approvals"):
            self._set(name, whole(getattr(self, name), name, 1, 9))
        if self.large_approvals < self.approvals:
            raise ValueError(f"large_approvals: must be at least approvals, {self.approvals}")
        if self.large_movement is not None:
            self._set("large_movement", finite(self.large_movement, "large_movement", low=0))
        for name in ("window_days", "expires_days", "mandate_days"):
            self._set(name, positive(getattr(self, name), name, high=3650))
        self._set("evidence_kept", finite(self.evidence_kept, "evidence_kept", 0, 1))
        for name in ("least_n", "daily_cap"):
            self._set(name, finite(getattr(self, name), name, low=0))
        if not isinstance(self.groups, list | tuple):
            raise ValueError("groups: must be a list of names of groups")
        self._set("groups", tuple(text(each, "groups", 150) for each in self.groups))
        if not isinstance(self.lowering_applies, bool):
            raise ValueError("lowering_applies: must be true or false")

    @classmethod
    def from_document(cls, document: object) -> Self:
        return cls(**closed_mapping(document, "policy", {each.name for each in fields(cls)}))

    def to_document(self) -> dict[str, Any]:
        return asdict(self) | {"groups": list(self.groups)}

    def needed(self, movement: float, moved_before: float = 0.0) -> int:
        """How many approvals a request needs that moves so many steps, after so many within the window.

        >>> GovernancePolicy(large_movement=20).needed(5), GovernancePolicy(large_movement=20).needed(5, 16)
        (1, 2)
        """
        is_large = self.large_movement is not None and movement + moved_before > self.large_movement
        return self.large_approvals if is_large else self.approvals

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


def may_count(groups_of_voter: Sequence[str], policy: GovernancePolicy) -> bool:
    """Whether a member of these groups is one whose vote counts.

    >>> may_count(["reviewer"], GovernancePolicy(groups=("risk",))), may_count([], GovernancePolicy())
    (False, True)
    """
    return not policy.groups or not set(policy.groups).isdisjoint(groups_of_voter)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Field -> (was, becomes) of two documents, those that differ.

    >>> differences({"approvals": 1, "least_n": 10}, {"approvals": 2, "least_n": 10})
    {'approvals': (1, 2)}
    """
    names = sorted({*before, *after})
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}
