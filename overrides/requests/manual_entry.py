"""Manual changes by a person: draft an override, withdraw lines, or edit the levers of an open request."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.governance.errors import GateError
from overrides.models import ChangeLine, ChangeRequest, Membership, RequestKind
from overrides.requests.authoring import draft_request, edit_request
from overrides.requests.kinds.kind import DraftLine
from overrides.requests.learned import contradicted, marks
from overrides.versions.publish import store_override

BY_HAND = "person"


@transaction.atomic
def draft_by_hand(spec: OverrideSpec, *, by: User, reason: str, at: datetime, despite: str = "") -> ChangeRequest:
    """Draft a request with one override that a person wrote.

    A judgement that contradicts what was measured of its line has to say why, in `despite`: that becomes part of the
    reason, which votes sign. Raises GovernanceError.
    """
    contradictions = contradicted([spec])
    for found in contradictions.values():
        if not despite.strip():
            raise GateError("despite", f"{found} was measured, of the other sign; say why you judge otherwise")
        reason = f"{reason}\n\nContradicts the measurement, {found}: {despite}"
    stored = store_override(spec, source=BY_HAND, at=at)
    return draft_request(
        module=spec.module,
        kind=RequestKind.LINES,
        title=f"By hand: {stored.line}"[:200],
        reason=reason,
        author=by,
        author_name=by.get_username(),
        at=at,
        lines=[DraftLine(stored.line_id, stored.id, ["by hand", *marks(spec, contradictions)])],
    )


@transaction.atomic
def withdraw_by_hand(*, module: str, lines: Collection[str], by: User, reason: str, at: datetime) -> ChangeRequest:
    """Draft a request of a person that withdraws lines from what is in force. Raises GovernanceError."""
    standing = Membership.objects.filter(module=module, line_id__in=lines, to_version=None)
    found = sorted(standing.values_list("line_id", flat=True))
    if not found or len(found) < len(set(lines)):
        missing = sorted(set(lines) - set(found))
        raise GateError("lines", f"{', '.join(line[:12] for line in missing) or 'none'} not in force in {module}")
    count = len(found)
    return draft_request(
        module=module,
        kind=RequestKind.LINES,
        title=f"Withdraw {count} line{'' if count == 1 else 's'} of {module}",
        reason=reason,
        author=by,
        author_name=by.get_username(),
        at=at,
        lines=[DraftLine(line, None, ["withdrawn"]) for line in found],
    )


@transaction.atomic
def edit(
    *,
    request_id: int,
    by: User,
    title: str,
    reason: str,
    at: datetime,
    keep: Collection[int] = (),
    levers: Mapping[int, Mapping[str, float]] | None = None,
    content: Mapping[str, Any] | None = None,
) -> ChangeRequest:
    """Change title, reason and content of one's own request. Raises GovernanceError.

    `keep` are the changes to keep (by primary key), `levers` other targets for overrides written by hand.
    """
    kept = ChangeLine.objects.filter(request_id=request_id, pk__in=keep).select_related("line", "after__line")
    lines = [_edited(change, (levers or {}).get(change.pk), at) for change in kept.order_by("line_id")]
    return edit_request(request_id=request_id, by=by, at=at, lines=lines, content=content, title=title, reason=reason)


def _edited(change: ChangeLine, levers: Mapping[str, float] | None, at: datetime) -> DraftLine:
    if levers is None or change.after is None or dict(levers) == change.after.levers:
        return DraftLine(change.line_id, change.after_id, change.differences)
    spec = change.after.spec.with_levers(levers)
    stored = store_override(spec, source=BY_HAND, at=at)
    return DraftLine(change.line_id, stored.id, ["by hand", *marks(spec, contradicted([spec]))])
