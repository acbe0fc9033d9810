"""The state of all people and groups, as audit entries state it, and which people may approve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.hashers import is_password_usable
from django.contrib.auth.models import Group, User

from overrides.core.governance.permissions import REVIEW

OWN_FIELDS = ("first_name", "last_name", "email", "is_active", "is_staff", "is_superuser")


@dataclass(frozen=True, slots=True)
class Member:
    """One person or group: the fields that audit entries state, and the password hash, which is only compared."""

    type: str
    fields: Mapping[str, Any]
    password: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """Return the current name."""
        return str(self.fields["name"])

    @property
    def has_password(self) -> bool:
        """Return whether there is a usable password."""
        return bool(self.password) and is_password_usable(self.password)


@dataclass(frozen=True, slots=True)
class People:
    """All people and groups at one moment, by type and id."""

    members: Mapping[tuple[str, int], Member]

    @property
    def reviewing_groups(self) -> frozenset[str]:
        """Return the names of the groups whose members may approve."""
        groups = (each for each in self.members.values() if each.type == "group")
        return frozenset(each.name for each in groups if REVIEW in each.fields["permissions"])

    def may_review(self, person: Member) -> bool:
        """Return whether a person is active and may approve: as superuser, directly or through a group."""
        fields = person.fields
        has_right = (
            fields["is_superuser"]
            or REVIEW in fields["permissions"]
            or not self.reviewing_groups.isdisjoint(fields["groups"])
        )
        return bool(fields["is_active"] and has_right)

    def reviewers_in(self, group: str) -> list[str]:
        """Return the names of the members of a group who may approve, sorted."""
        people = (each for each in self.members.values() if each.type == "person")
        return sorted(each.name for each in people if group in each.fields["groups"] and self.may_review(each))


def people_now(using: str) -> People:
    """Return the current state of all people and groups, in five queries."""
    held = _names(User.user_permissions.through, "user_id", using)
    in_groups = _names(User.groups.through, "user_id", using)
    granted = _names(Group.permissions.through, "group_id", using)
    members: dict[tuple[str, int], Member] = {}
    for pk, name in Group.objects.using(using).values_list("pk", "name"):
        members["group", pk] = Member("group", {"name": name, "permissions": granted.get(pk, [])})
    for row in User.objects.using(using).values("pk", "username", "password", *OWN_FIELDS):
        rights = {"groups": in_groups.get(row["pk"], []), "permissions": held.get(row["pk"], [])}
        fields = {"name": row["username"], **{name: row[name] for name in OWN_FIELDS}, **rights}
        members["person", row["pk"]] = Member("person", fields, row["password"])
    return People(members)


def _names(through: Any, holder: str, using: str) -> dict[int, list[str]]:
    """Return the sorted names of the rights of each holder in one of Django's many-to-many tables."""
    rows = through.objects.using(using)
    if through is User.groups.through:
        pairs: Iterable[tuple[int, str]] = rows.values_list(holder, "group__name")
    else:
        columns = rows.values_list(holder, "permission__content_type__app_label", "permission__codename")
        pairs = ((pk, f"{app}.{codename}") for pk, app, codename in columns)
    names: dict[int, list[str]] = {}
    for pk, name in pairs:
        names.setdefault(pk, []).append(name)
    return {pk: sorted(each) for pk, each in names.items()}
