"""Permissions of API views: a view names the permission that callers need; a view without one is closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from django.http import HttpRequest
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from config.access.keys import roles_with

if TYPE_CHECKING:
    from rest_framework.views import APIView  # imports this module through its settings

NO_KEY = "no key may do this"


def permission_of(view: object, method: str | None) -> str | None:
    """Return the permission that a view requires for a method; for methods it does not list, that of GET."""
    required: str | Mapping[str, str] | None = getattr(view, "required_permission", None)
    if isinstance(required, Mapping):
        return required.get(method or "GET", required["GET"])
    return required


class HasNamedPermission(BasePermission):
    """Allows callers with the view's `required_permission`, one for all methods or one for each."""

    def has_permission(self, request: Request | HttpRequest, view: APIView) -> bool:
        required = permission_of(view, request.method)
        if required and request.user and request.user.has_perm(required):
            return True
        if request.method not in view.allowed_methods:
            return True  # let the view answer 405 with the methods it allows
        self.message = refusal(roles_with(required) if required else [])
        return False


def refusal(roles: Sequence[str]) -> str:
    """Return the message for a caller who lacks a permission that keys of these roles have.

    >>> refusal(["propose", "read"])
    'this needs a key of the role propose or read; ask an administrator for one'
    >>> refusal([])
    'no key may do this'
    """
    return f"this needs a key of the role {' or '.join(roles)}; ask an administrator for one" if roles else NO_KEY
