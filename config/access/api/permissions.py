"""Permissions of API views: a view names the permission that callers need; a view without one is closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:
    from rest_framework.views import APIView  # imports this module through its settings


def permission_of(view: object, method: str | None) -> str | None:
    """Return the permission that a view requires for a method; for methods it does not list, that of GET."""
    required: str | Mapping[str, str] | None = getattr(view, "required_permission", None)
    if isinstance(required, Mapping):
        return required.get(method or "GET", required["GET"])
    return required


class HasNamedPermission(BasePermission):
    """Allows callers with the view's `required_permission`, one for all methods or one for each."""

    message = "this key's role does not allow it; ask an administrator for a key of another role"

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.method not in view.allowed_methods:
            return True  # let the view answer 405 with the methods it allows
        required = permission_of(view, request.method)
        return bool(required and request.user and request.user.has_perm(required))
