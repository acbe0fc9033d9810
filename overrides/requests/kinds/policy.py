"""Requests of kind policy: the rules of governance of a module. The rules in force judge the request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.core.governance.permissions import PROPOSE_PARAMETERS
from overrides.core.governance.policy_strength import one_vote_examples, weakenings
from overrides.models import ChangeLine, ChangeRequest, ModulePolicy, RequestKind
from overrides.requests.governance_store import policy_of
from overrides.requests.kinds.kind import Basis, BeforeAfter, Kind, Strength
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


def strength(request: ChangeRequest, in_force: GovernancePolicy) -> Strength:
    """Return what the policy lets pass; an applied one is compared with the policy that it replaced."""
    try:
        policy = GovernancePolicy.from_document(request.content)
    except FieldError as fault:  # written past the verbs; it cannot be applied either
        return Strength(fault=str(fault))
    one_vote = tuple(map(str, one_vote_examples(policy)))
    if request.state in ChangeRequest.OPEN:
        return Strength(one_vote, tuple(weakenings(in_force, policy)), "the policy in force")
    if request.state == ChangeRequest.State.APPLIED:
        return Strength(one_vote, tuple(weakenings(_replaced_by(request), policy)), "the policy it replaced")
    return Strength(one_vote)


def _replaced_by(request: ChangeRequest) -> GovernancePolicy:
    """Return the policy before the one that an applied request made; the defaults before the first."""
    own = ModulePolicy.objects.filter(request=request).values("number")[:1]
    before = ModulePolicy.objects.filter(module=request.module, number__lt=own).order_by("-number").first()
    return GovernancePolicy() if before is None else before.parsed


POLICY = Kind(
    name=RequestKind.POLICY,
    checked_content=checked_content,
    take_effect=take_effect,
    before_after=before_after,
    strength=strength,
    permission=PROPOSE_PARAMETERS,
    is_typed=True,
)
