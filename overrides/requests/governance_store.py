"""Read and write rows of governance: the policy in force, mandates and holds on lines, the builder's quarantine."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.core.governance.mandates import grants
from overrides.models import ChangeLine, ChangeRequest, LineHold, Mandate, ModulePolicy, Quarantine


def policy_of(module: str) -> GovernancePolicy:
    """Return the policy in force; the defaults before the first one."""
    row = ModulePolicy.objects.filter(module=module, is_active=True).first()
    return GovernancePolicy() if row is None else row.parsed


def live_mandates(lines: Collection[str]) -> dict[str, Mandate]:
    """Return the mandate of each of these lines, expired or not, unless it was revoked."""
    rows = Mandate.objects.filter(line_id__in=lines, revoked_at=None)
    return {row.line_id: row for row in rows}


def held_lines(kind: str, lines: Collection[str], at: datetime) -> set[str]:
    """Return the lines that a veto or a pin is in effect on."""
    return set(
        LineHold.objects.filter(LineHold.is_live(at), kind=kind, line_id__in=lines).values_list("line_id", flat=True)
    )


def is_quarantined(module: str) -> bool:
    """Return whether the builder of a module is in quarantine."""
    return Quarantine.objects.filter(module=module, lifted_at=None).exists()


def sign_mandates(
    request: ChangeRequest, changes: Sequence[ChangeLine], policy: GovernancePolicy, at: datetime
) -> None:
    """Store a mandate for each approved line and revoke the earlier mandates of all changed lines."""
    Mandate.objects.filter(line_id__in=[change.line_id for change in changes], revoked_at=None).update(revoked_at=at)
    approved = [change.after for change in changes if change.after is not None]
    signed = zip(approved, grants([override.spec for override in approved], policy, at), strict=True)
    rows = [
        Mandate(
            line_id=override.line_id,
            request=request,
            direction=terms.direction,
            reach={name: list(pair) for name, pair in terms.reach.items()},
            evidence_floor={"least_n": terms.least_n, "least_edge": terms.least_edge},
            review_by=terms.review_by,
            granted_at=at,
        )
        for override, terms in signed
    ]
    Mandate.objects.bulk_create(rows, batch_size=2000)
