"""The request that the world of these tests has open."""

from __future__ import annotations

from typing import Any

from overrides.models import ChangeRequest
from tests.bypass.ways.forgery import (
    as_before,
)


def asked() -> ChangeRequest:
    return ChangeRequest.objects.get(state="in_review")


def stands(**values: Any) -> None:
    """Let the open request stand otherwise, as if it had always done so."""
    columns = ", ".join(f"{name} = %s" for name in values)
    as_before(f"UPDATE overrides_changerequest SET {columns} WHERE id = %s", *values.values(), asked().pk)
