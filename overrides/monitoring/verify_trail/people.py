"""Names and ids of people: entries name people, rows refer to them by id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.auth.models import User


@dataclass(frozen=True)
class People:
    """All people, by id and by name."""

    names: Mapping[int, str]
    ids: Mapping[str, int]

    def label(self, person: object) -> str:
        """Return a person as text, such as `alice (person 7)`."""
        name = self.names.get(person, "nobody known") if isinstance(person, int) else "nobody"
        return f"{name} (person {person})"

    def is_another(self, name: str, person: object) -> bool:
        """Return whether a name is another person's. One that nobody has now may be an earlier name of this one."""
        return self.ids.get(name, person) != person


def people_now() -> People:
    """Read all people, active or not: people are deactivated and never deleted."""
    names = dict(User.objects.values_list("pk", "username"))
    return People(names, {name: person for person, name in names.items()})
