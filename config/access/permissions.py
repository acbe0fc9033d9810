"""A view names the permission it needs; whoever calls must have it. Views that name none are closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:
    from rest_framework.views import APIView  # imports this module through its settings


class HasNamedPermission(BasePermission):
    """Allows callers that have the view's `required_permission`."""

    message = "this key's role does not allow it; ask an operator for a key of another role"

    def has_permission(self, request: Request, view: APIView) -> bool:
        required: str | None = getattr(view, "required_permission", None)
        return bool(required and request.user and request.user.has_perm(required))
