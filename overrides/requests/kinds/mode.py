"""Requests of kind mode: how a module is served, and to whom. Fields that it does not name are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from overrides.core.engine.definitions.serving_mode import ServingMode
from overrides.models import ChangeLine, ChangeRequest, ModuleMode, RequestKind
from overrides.requests.kinds.kind import Basis, BeforeAfter, Kind, Proposed
from overrides.serving.mode import FIELDS, apply_mode, checked_mode, full_document, mode_document
from overrides.versions.load_version import InForce
from telemetry.foundation.core.fields import integer
from telemetry.foundation.core.objects import Fields, mapping
from telemetry.foundation.core.refusal import Refused
from telemetry.models import AuditEntry

MOST_ENTRIES = 100  # newest audit entries among which that of an applied request is looked for
_read_number = integer(1, 2**31 - 1)


def read_content(value: object) -> dict[str, object]:
    """Return the content from JSON. Raises Refused if it is empty or has unknown fields."""
    content = mapping(value)
    fields = Fields(content, FIELDS)
    fields.take("challenger", _read_number, None)
    fields.close()
    if not content:
        raise Refused.because(f"changes nothing; send one of {', '.join(FIELDS)}")
    return content


def checked_content(module: str, content: Mapping[str, Any], in_force: InForce) -> dict[str, Any]:
    """Return the content. Raises FieldError if no mode can have it."""
    return checked_mode(module, content)


def take_effect(request: ChangeRequest, changes: Sequence[ChangeLine], basis: Basis, by: str, at: datetime) -> None:
    """Set the mode of the module."""
    apply_mode(module=request.module, content=request.content, by=by, reason=request.reason, at=at)


def before_after(request: ChangeRequest, in_force: InForce, is_open: bool) -> BeforeAfter:
    """Return the mode before and after; only the audit trail keeps what it was before a closed request."""
    if not is_open:
        return BeforeAfter(None, request.content)
    current = full_document(ModuleMode.objects.select_related("challenger").filter(pk=request.module).first())
    return BeforeAfter(current, current | request.content)


def proposed(request: ChangeRequest, number: int | None) -> Proposed:
    """Return the modes before and after the request; the overrides that it serves or withholds are those in force."""
    before = _mode_before(request)
    after = before | {name: value for name, value in request.content.items() if name in FIELDS}
    return Proposed(request.module, modes=(ServingMode.parse(before), ServingMode.parse(after)))


def _mode_before(request: ChangeRequest) -> dict[str, Any]:
    """Return the mode that the request changes: the one in force, or for an applied request that of the audit trail."""
    if request.closed_at is not None:
        entries = AuditEntry.objects.filter(object=f"mode {request.module}").order_by("-seq")
        for content in entries.values_list("content", flat=True)[:MOST_ENTRIES]:
            entry = json.loads(content)
            if datetime.fromisoformat(entry["at"]) == request.closed_at and entry["before"] is not None:
                return dict(entry["before"])
    return mode_document(ModuleMode.objects.select_related("challenger").filter(pk=request.module).first())


MODE = Kind(
    name=RequestKind.MODE,
    checked_content=checked_content,
    take_effect=take_effect,
    before_after=before_after,
    proposed=proposed,
    read_content=read_content,
    is_typed=True,
    settles_serving=True,
)
