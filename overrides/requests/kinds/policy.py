"""Requests of kind policy: the rules of governance of a module. The rules in force judge the request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.core.governance.permissions import PROPOSE_PARAMETERS
from overrides.models import ChangeLine, ChangeRequest, ModulePolicy, RequestKind
from overrides.requests.governance_store import policy_of
from overrides.requests.kinds.kind import Basis, BeforeAfter, Kind
from overrides.versions.load_version import InForce
from overrides.versions.publish import next_number
from telemetry.audit.audit_log import write_audit


def checked_content(module: str, content: Mapping[str, Any], in_force: InForce) -> dict[str, Any]:
    """Return the whole document, defaults written out. Raises FieldError if it is not valid."""
    return GovernancePolicy.from_document(content).to_document()


def take_effect(request: ChangeRequest, changes: Sequence[ChangeLine], basis: Basis, by: str, at: datetime) -> None:
    """Store the policy as the module's active one and write the audit entry."""
    policies = ModulePolicy.objects.filter(module=request.module)
    current = policies.select_for_update().filter(is_active=True).first()
    number = next_number(policies, of=f"policy of {request.module}")
    policies.filter(is_active=True).update(is_active=False)
    row = ModulePolicy.objects.create(
        module=request.module,
        number=number,
        is_active=True,
        document=GovernancePolicy.from_document(request.content).to_document(),
        request=request,
        created_at=at,
        created_by=by,
    )
    write_audit(
        actor=by,
        action="policy",
        object=f"policy {request.module}/{number}",
        reason=request.reason,
        before=current.document if current else None,
        after=row.document,
        at=at,
    )


def before_after(request: ChangeRequest, in_force: InForce, is_open: bool) -> BeforeAfter:
    """Return the policy before and after; only the audit trail keeps what it was before a closed request."""
    return BeforeAfter(policy_of(request.module).to_document() if is_open else None, request.content)


POLICY = Kind(
    name=RequestKind.POLICY,
    checked_content=checked_content,
    take_effect=take_effect,
    before_after=before_after,
    permission=PROPOSE_PARAMETERS,
    is_typed=True,
)
