"""Read and write rows of governance: the policy in force, mandates and holds on lines, the builder's quarantine."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, TypedDict

from django.db import connection

from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.core.governance.mandates import grants
from overrides.models import ChangeLine, ChangeRequest, LineHold, Mandate, ModulePolicy, Quarantine
from overrides.requests.votes import suspended
from overrides.versions.publish import LAST_NUMBER


class MandatesWritten(TypedDict):
    """What an audit entry says of mandates: the signed ones as they are stored, and the ids of the ended ones."""

    signed: list[dict[str, Any]]
    ended: list[int]


def policy_of(module: str) -> GovernancePolicy:
    """Return the policy in force; the defaults before the first one."""
    row = ModulePolicy.objects.filter(module=module, is_active=True).first()
    return GovernancePolicy() if row is None else row.parsed


def live_mandates(lines: Collection[str]) -> dict[str, Mandate]:
    """Return the mandate of each of these lines, expired or not, unless it was revoked or is suspended."""
    rows = list(Mandate.objects.filter(line_id__in=lines, revoked_at=None))
    gone = suspended(rows)
    return {row.line_id: row for row in rows if row.pk not in gone}


def mandated_lines(module: str) -> set[str]:
    """Return the lines of a module with a mandate that was not revoked, also if it has expired or is suspended."""
    return set(Mandate.objects.filter(line__module=module, revoked_at=None).values_list("line_id", flat=True))


def held_lines(kind: str, lines: Collection[str], at: datetime) -> set[str]:
    """Return the lines that a veto or a pin is in effect on."""
    return set(
        LineHold.objects.filter(LineHold.is_live(at), kind=kind, line_id__in=lines).values_list("line_id", flat=True)
    )


def is_quarantined(module: str) -> bool:
    """Return whether the builder of a module is in quarantine."""
    return Quarantine.objects.filter(module=module, lifted_at=None).exists()


def gone_at_once(lines: Collection[str]) -> set[str]:
    """Return the lines that were last taken out of force at once, which only a reviewed request brings back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT line FROM unnest(%s::text[]) AS line WHERE went_at_once(line, %s)", [list(lines), LAST_NUMBER + 1]
        )
        return {line for (line,) in cursor.fetchall()}


def trades_of(module: str) -> int:
    """Return how many trades a module has: more than any evidence under a mandate may claim."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT trades_of(%s)", [module])
        (trades,) = cursor.fetchone()
    return int(trades)


def sign_mandates(
    request: ChangeRequest, changes: Sequence[ChangeLine], policy: GovernancePolicy, at: datetime
) -> MandatesWritten:
    """Store a mandate for each approved line and revoke the earlier mandates of all changed lines."""
    ended = end_mandates([change.line_id for change in changes], at)
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
    stored = Mandate.objects.filter(request=request).order_by("pk")  # with what the database has set
    return {"signed": [mandate_document(mandate) for mandate in stored], "ended": ended["ended"]}


def end_mandates(lines: Collection[str], at: datetime) -> MandatesWritten:
    """End the mandates that stand on these lines."""
    standing = Mandate.objects.filter(line_id__in=lines, revoked_at=None)
    ended = sorted(standing.values_list("pk", flat=True))
    standing.update(revoked_at=at)
    return {"signed": [], "ended": ended}


def mandate_document(mandate: Mandate) -> dict[str, Any]:
    """Return a mandate as its audit entry says it; when it ended is said by another entry."""
    return {
        "id": mandate.pk,
        "line": mandate.line_id,
        "direction": mandate.direction,
        "reach": mandate.reach,
        "evidence_floor": mandate.evidence_floor,
        "edge_sign": mandate.edge_sign,
        "approvals_needed": mandate.approvals_needed,
        "voter_groups": mandate.voter_groups,
        "review_by": mandate.review_by,
        "granted_at": mandate.granted_at,
        **({} if mandate.renews_id is None else {"renews": mandate.renews_id}),
    }
