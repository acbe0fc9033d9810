"""What the approval of a line lets the builder do with it alone, and what still needs a person (design 7).

Inside a mandate: fresh statistics, moves towards neutral, withdrawal. A new line, a sign flip, a target beyond the
approved one, a new lever, evidence below the floor, an expired mandate: a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.governance.exposure import exposure_change
from overrides.core.governance.governance_policy import GovernancePolicy

NOTICEABLE = 1e-12


@dataclass(frozen=True)
class Terms:
    """The content of a mandate. `reach` maps lever -> (lowest, highest value), neutral being one of the two.

    `direction` is +1 where the line raises exposure, -1 where it lowers it. `least_n` and `least_edge` (R, without
    sign) are the evidence that still carries it.
    """

    direction: int
    reach: Mapping[str, tuple[float, float]]
    least_n: float
    least_edge: float
    review_by: datetime


def grant(approved: OverrideSpec, policy: GovernancePolicy, at: datetime) -> Terms:
    """The mandate that approving this override signs."""
    return Terms(
        direction=1 if exposure_change(approved.action_category, {}, approved.levers) >= 0 else -1,
        reach={name: _reach(name, target) for name, target in approved.levers.items()},
        least_n=policy.evidence_kept * approved.stats.n,
        least_edge=policy.evidence_kept * abs(approved.stats.edge_raw),
        review_by=at + timedelta(days=policy.mandate_days),
    )


def exceeded(terms: Terms | None, wanted: OverrideSpec | None, at: datetime) -> list[str]:
    """Why what the builder wants of a line needs a person; empty where the mandate covers it.

    `wanted` None withdraws the line. Each entry begins with what it is about.
    """
    if terms is None:
        return ["mandate: there is none on this line"]
    if at >= terms.review_by:
        return [f"mandate: was to be reviewed by {terms.review_by:%Y-%m-%d %H:%M}"]
    if wanted is None:
        return []
    return _beyond(terms, wanted) + _lapsed(terms, wanted)


def _beyond(terms: Terms, wanted: OverrideSpec) -> list[str]:
    reasons = []
    for name, value in wanted.levers.items():
        if name not in terms.reach:
            reasons.append(f"{name}: is a new lever")
            continue
        low, high = terms.reach[name]
        if not low - NOTICEABLE <= value <= high + NOTICEABLE:
            flips = LEVERS[name].unit(value) * LEVERS[name].unit(low if low != LEVERS[name].neutral else high) < 0
            what = "changes sign" if flips else f"{value:g} is beyond the approved {low:g} to {high:g}"
            reasons.append(f"{name}: {what}")
    return reasons


def _lapsed(terms: Terms, wanted: OverrideSpec) -> list[str]:
    reasons = []
    if wanted.stats.n < terms.least_n:
        reasons.append(f"n: {wanted.stats.n:g} trades are fewer than the {terms.least_n:g} it needs")
    if abs(wanted.stats.edge_raw) < terms.least_edge:
        reasons.append(f"edge_raw: {wanted.stats.edge_raw:+.3f} R is less than the {terms.least_edge:.3f} R it needs")
    return reasons


def remaining(terms: Terms, standing: OverrideSpec, at: datetime) -> dict[str, float]:
    """What a mandate still allows: per lever the units left between where it stands and its farthest, and the days."""
    left = {"days": (terms.review_by - at).total_seconds() / 86_400}
    for name, (low, high) in terms.reach.items():
        lever = LEVERS[name]
        farthest = low if low != lever.neutral else high
        left[name] = abs(lever.unit(farthest)) - abs(lever.unit(standing.levers.get(name, lever.neutral)))
    return left


def _reach(name: str, target: float) -> tuple[float, float]:
    neutral = LEVERS[name].neutral
    return min(neutral, target), max(neutral, target)
