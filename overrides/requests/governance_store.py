"""Rows of governance as values: the policy in force, the mandates and holds on lines."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import Max, Q

from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.models import ChangeRequest, LineHold, Mandate, ModulePolicy, Quarantine
from telemetry.audit.audit_log import write_audit


def policy_of(module: str) -> GovernancePolicy:
    """The policy in force; the defaults before the first one is reviewed."""
    row = ModulePolicy.objects.filter(module=module, is_active=True).first()
    return GovernancePolicy() if row is None else row.parsed


def live_mandates(lines: Collection[str]) -> dict[str, Mandate]:
    """The mandate that stands on each of these lines, expired or not."""
    rows = Mandate.objects.filter(line_id__in=lines, revoked_at=None)
    return {row.line_id: row for row in rows}


def is_live(at: datetime) -> Q:
    """The holds that stand: neither lifted nor expired."""
    return Q(lifted_at=None) & (Q(expires_at=None) | Q(expires_at__gt=at))


def held_lines(kind: str, lines: Collection[str], at: datetime) -> set[str]:
    """Those of the lines that a live veto, or a live pin, is on."""
    return set(LineHold.objects.filter(is_live(at), kind=kind, line_id__in=lines).values_list("line_id", flat=True))


def is_quarantined(module: str) -> bool:
    return Quarantine.objects.filter(module=module, lifted_at=None).exists()


def apply_policy(*, module: str, content: Any, request: ChangeRequest, by: str, reason: str, at: datetime) -> None:
    """Put an approved policy into force; called inside the transaction that applies its request."""
    standing = ModulePolicy.objects.select_for_update().filter(module=module, is_active=True).first()
    number = (ModulePolicy.objects.filter(module=module).aggregate(last=Max("number"))["last"] or 0) + 1
    ModulePolicy.objects.filter(module=module, is_active=True).update(is_active=False)
    row = ModulePolicy.objects.create(
        module=module,
        number=number,
        is_active=True,
        document=GovernancePolicy.from_document(content).to_document(),
        request=request,
        created_at=at,
        created_by=by,
    )
    write_audit(
        actor=by,
        action="policy",
        object=f"policy {module}/{number}",
        reason=reason,
        before=standing.document if standing else None,
        after=row.document,
        at=at,
    )
