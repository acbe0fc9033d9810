"""What approving a request signs besides its content: the mandates that let the builder act without a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.models import ChangeLine, ChangeRequest
from overrides.requests.kinds import KINDS


@dataclass(frozen=True)
class Signing:
    """The mandates of a request: how many lines get one, how many lose theirs, and what holds for all of them.

    `until` is when they end if the request is applied now; `evidence_kept` is in percent of the approved evidence, and
    `daily_cap` in largest steps of the whole module. `proven_only` says whether the builder moves lines of the evidence
    method farther from neutral only while they are proven for the life of the learner.
    """

    lines: int
    withdrawn: int
    until: datetime
    days: float
    evidence_kept: float
    daily_cap: float
    proven_only: bool


def signing_of(
    request: ChangeRequest,
    changes: Sequence[ChangeLine],
    policy: GovernancePolicy,
    parameters: ModuleParameters,
    at: datetime,
) -> Signing | None:
    """Return what approving and applying the request signs; None if it signs no mandate."""
    lines = sum(change.after_id is not None for change in changes)
    if not KINDS[request.kind].is_published or not changes:
        return None
    return Signing(
        lines=lines,
        withdrawn=len(changes) - lines,
        until=at + timedelta(days=policy.mandate_days),
        days=policy.mandate_days,
        evidence_kept=100 * policy.evidence_kept,
        daily_cap=policy.daily_cap,
        proven_only=parameters.evidence.publish_proven_only,
    )
