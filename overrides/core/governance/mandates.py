"""Mandates: what an approved line lets the builder do with it, and what still needs a person (docs/design.md 11).

Within a mandate are new statistics, moves towards neutral, and withdrawal. A person is needed for a new line, a change
of sign, a target beyond the approved one, a new lever, evidence below the floor, and after the mandate has expired.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.governance.exposure import exposure_change
from overrides.core.governance.governance_policy import GovernancePolicy

NOTICEABLE = 1e-12
DUE_BEFORE = timedelta(days=14)  # how long before its review a mandate may be renewed


@dataclass(frozen=True)
class Terms:
    """The content of a mandate. `reach` maps lever -> (lowest, highest value); one of the two is neutral.

    `direction` is +1 if the line raises exposure, -1 if it lowers it. `least_n` (trades) and `least_edge` (R, absolute)
    are the evidence below which the mandate does not apply. `edge_sign` is the sign of the edge that was signed, 0
    where it had none.
    """

    direction: int
    reach: Mapping[str, tuple[float, float]]
    least_n: float
    least_edge: float
    review_by: datetime
    edge_sign: int


def grant(approved: OverrideSpec, policy: GovernancePolicy, at: datetime) -> Terms:
    """Return the mandate that the approval of this override grants."""
    return Terms(
        direction=1 if exposure_change(approved.action_category, {}, approved.levers) >= 0 else -1,
        reach={name: _reach(name, target) for name, target in approved.levers.items()},
        least_n=policy.evidence_kept * approved.stats.n,
        least_edge=policy.evidence_kept * abs(approved.stats.edge_raw),
        review_by=at + timedelta(days=policy.mandate_days),
        edge_sign=_sign(approved.stats.edge_raw),
    )


def grants(approved: Iterable[OverrideSpec], policy: GovernancePolicy, at: datetime) -> list[Terms]:
    """Return the mandates that approving these overrides signs, in the same order."""
    return [grant(spec, policy, at) for spec in approved]


def exceeded(terms: Terms | None, proposed: OverrideSpec | None, at: datetime) -> list[str]:
    """Return why the builder's change of a line needs a person; empty if the mandate covers it.

    `proposed` None withdraws the line. Each entry begins with the lever or field it is about.
    """
    if terms is None:
        return ["mandate: there is none on this line"]
    if at >= terms.review_by:
        return [f"mandate: was to be reviewed by {terms.review_by:%Y-%m-%d %H:%M} UTC"]
    if proposed is None:
        return []
    return _beyond(terms, proposed) + _lapsed(terms, proposed, at)


def _beyond(terms: Terms, proposed: OverrideSpec) -> list[str]:
    reasons = []
    for name, value in proposed.levers.items():
        if name not in terms.reach:
            reasons.append(f"{name}: is a new lever")
            continue
        low, high = terms.reach[name]
        if not low - NOTICEABLE <= value <= high + NOTICEABLE:
            flips = LEVERS[name].unit(value) * LEVERS[name].unit(low if low != LEVERS[name].neutral else high) < 0
            what = "changes sign" if flips else f"{value:g} is beyond the approved {low:g} to {high:g}"
            reasons.append(f"{name}: {what}")
    return reasons


def _lapsed(terms: Terms, proposed: OverrideSpec, at: datetime) -> list[str]:
    reasons = lapsed(terms, edge=proposed.stats.edge_raw, n=proposed.stats.n)
    if proposed.stats.updated_at > at:
        reasons.append(f"updated_at: {proposed.stats.updated_at:%Y-%m-%d %H:%M} UTC lies in the future")
    return reasons


def lapsed(terms: Terms, *, edge: float, n: float) -> list[str]:
    """Return why evidence (an edge in R on n trades) no longer carries a mandate; empty if it does."""
    reasons = []
    if _sign(edge) not in (0, terms.edge_sign):
        reasons.append(f"edge_raw: {_exact(edge)} R is of the other sign than the edge that was approved")
    if n < terms.least_n:
        reasons.append(f"n: {n:g} trades are fewer than the {terms.least_n:g} it needs")
    if abs(edge) < terms.least_edge:
        reasons.append(f"edge_raw: {_exact(edge)} R is less than the {_exact(terms.least_edge)[1:]} R it needs")
    return reasons


def moves_farther(before: OverrideSpec | None, after: OverrideSpec | None) -> bool:
    """Return whether a change brings some lever farther from neutral; None is neutral in every lever.

    A lever that changes sides moves farther, however close to neutral it ends.
    """
    if after is None:
        return False
    standing = {} if before is None else before.levers
    return any(_is_farther(name, standing.get(name), value) for name, value in after.levers.items())


def _is_farther(name: str, before: float | None, after: float) -> bool:
    lever = LEVERS[name]
    was, becomes = 0.0 if before is None else lever.unit(before), lever.unit(after)
    return abs(becomes) > NOTICEABLE and (was * becomes <= 0 or abs(becomes) > abs(was) + NOTICEABLE)


def remaining(terms: Terms, in_force: OverrideSpec, at: datetime) -> dict[str, float]:
    """Return what a mandate still allows: days, and per lever the units between the value in force and the farthest."""
    left = {"days": (terms.review_by - at).total_seconds() / 86_400}
    for name, (low, high) in terms.reach.items():
        lever = LEVERS[name]
        farthest = low if low != lever.neutral else high
        left[name] = abs(lever.unit(farthest)) - abs(lever.unit(in_force.levers.get(name, lever.neutral)))
    return left


def _exact(edge: float) -> str:
    """Return an edge with its sign, with so many digits that a small one does not look like its limit.

    >>> _exact(0.39), _exact(-0.00381)
    ('+0.390', '-0.00381')
    """
    return f"{edge:+.3f}" if edge == 0 or abs(edge) >= 0.1 else f"{edge:+.3g}"


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _reach(name: str, target: float) -> tuple[float, float]:
    neutral = LEVERS[name].neutral
    return min(neutral, target), max(neutral, target)
