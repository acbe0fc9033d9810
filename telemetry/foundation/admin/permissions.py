"""The permissions of a person by one query: every page asks for them, and Django asks for own and groups' apart."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.db.models import Model, Q


class PermissionsAtOnce(ModelBackend):
    """Django's backend, with all permissions of a person read together and kept for the request."""

    def get_all_permissions(self, user_obj: Any, obj: Model | None = None) -> set[str]:
        """Return the permissions (`app.codename`) of a person and of their groups; of a superuser, all there are.

        Nobody has permissions on single objects, and people who are not active have none.
        """
        if not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            return set()
        if not hasattr(user_obj, "_perm_cache"):
            user_obj._perm_cache = _held_by(user_obj)
        found: set[str] = user_obj._perm_cache
        return found


def _held_by(person: Any) -> set[str]:
    rows = Permission.objects.order_by()
    if not person.is_superuser:
        rows = rows.filter(Q(user=person) | Q(group__user=person)).distinct()
    return {f"{app}.{codename}" for app, codename in rows.values_list("content_type__app_label", "codename")}
