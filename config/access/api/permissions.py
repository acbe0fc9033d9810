"""Permissions of API views: a view names the permission that callers need; a view without one is closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from django.http import HttpRequest
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from config.access.keys import roles_with
from telemetry.foundation.api.own_rows import OwnRows

if TYPE_CHECKING:
    from rest_framework.views import APIView  # imports this module through its settings

NO_KEY = "no key may do this"


def permissions_of(view: object, method: str | None) -> tuple[str, ...]:
    """Return the permissions, of which a view requires one for a method; for methods it does not list, those of GET.

    A view with `own_rows` shows them to callers who have the permission for those alone.
    """
    required: str | Mapping[str, str] | None = getattr(view, "required_permission", None)
    if isinstance(required, Mapping):
        required = required.get(method or "GET", required["GET"])
    own: OwnRows | None = getattr(view, "own_rows", None)
    if own is not None and required == own.all_permission:
        return (own.all_permission, own.own_permission)
    return () if required is None else (required,)


class HasNamedPermission(BasePermission):
    """Allows callers with the view's `required_permission`, one for all methods or one for each."""

    def has_permission(self, request: Request | HttpRequest, view: APIView) -> bool:
        required = permissions_of(view, request.method)
        if request.user and any(map(request.user.has_perm, required)):
            return True
        if request.method not in view.allowed_methods:
            return True  # let the view answer 405 with the methods it allows
        self.message = refusal(roles_with(*required))
        return False


def refusal(roles: Sequence[str]) -> str:
    """Return the message for a caller who lacks a permission that keys of these roles have.

    >>> refusal(["propose", "read"])
    'this needs a key of the role propose or read; ask an administrator for one'
    >>> refusal([])
    'no key may do this'
    """
    return f"this needs a key of the role {' or '.join(roles)}; ask an administrator for one" if roles else NO_KEY
