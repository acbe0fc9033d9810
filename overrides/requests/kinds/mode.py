"""Requests of kind mode: how a module is served, and to whom. Fields that it does not name are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from overrides.models import ChangeLine, ChangeRequest, ModuleMode, RequestKind
from overrides.requests.kinds.kind import Basis, BeforeAfter, Kind
from overrides.serving.mode import apply_mode, checked_mode, mode_document
from overrides.versions.load_version import InForce
from telemetry.foundation.core.fields import integer
from telemetry.foundation.core.objects import Fields, mapping
from telemetry.foundation.core.refusal import Refused

FIELDS = tuple(mode_document(None))
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
    current = mode_document(ModuleMode.objects.select_related("challenger").filter(pk=request.module).first())
    return BeforeAfter(current, current | request.content)


MODE = Kind(
    name=RequestKind.MODE,
    checked_content=checked_content,
    take_effect=take_effect,
    before_after=before_after,
    read_content=read_content,
    is_typed=True,
    settles_serving=True,
)
