"""Who is who: entries name people, rows hold their ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.auth.models import User


@dataclass(frozen=True)
class People:
    """The people of one moment, by id and by name."""

    names: Mapping[int, str]
    ids: Mapping[str, int]

    def label(self, person: object) -> str:
        """A person in words: `alice (person 7)`."""
        name = self.names.get(person, "nobody known") if isinstance(person, int) else "nobody"
        return f"{name} (person {person})"

    def is_another(self, name: str, person: object) -> bool:
        """Whether a name is that of somebody else. A name that nobody has now may be an earlier one of this person."""
        return self.ids.get(name, person) != person


def people_now() -> People:
    """Everybody who ever could log in: people are deactivated and never deleted."""
    names = dict(User.objects.values_list("pk", "username"))
    return People(names, {name: person for person, name in names.items()})
