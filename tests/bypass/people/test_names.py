"""No name is given to two people."""

from __future__ import annotations

from functools import partial

import pytest
from django.contrib.auth.models import User

from config.access.models import PersonName
from config.access.people_audit import people_audited
from tests.builders import NOW
from tests.bypass.people.changes import (
    INSERT,
    one,
    refusal,
    run,
    write_entries,
)
from tests.people import as_committed

pytestmark = pytest.mark.django_db


class TestNames:
    def rename(self, name: str, to: str) -> None:
        with people_audited(actor="root", at=NOW):
            person = User.objects.get(username=name)
            person.username = to
            person.save()
        as_committed()

    @pytest.mark.parametrize("name", ["ada", "ADA", "Ada", "\uff21da"])  # the last one begins with a wide letter
    def test_are_not_given_to_another_person(self, name: str) -> None:
        self.rename("ada", "lovelace")
        self.rename("lovelace", "ada")  # the names of people of tests are not stored
        self.rename("ada", "lovelace")
        change = one(
            f"UPDATE auth_user SET username = '{name}' WHERE username = 'bob'", f"person {name}", {"name": name}
        )

        renames, adds = partial(run, change.statement), partial(run, INSERT.format(name, "false"))
        for acts in ([renames], [partial(write_entries, change), renames], [adds]):
            assert "no name is given twice" in refusal(*acts)

    def test_are_stored_for_each_person(self) -> None:
        self.rename("bob", "robert")
        self.rename("ada", "lovelace")

        assert set(PersonName.objects.values_list("key", "person__username")) == {
            ("robert", "robert"), ("lovelace", "lovelace"),
        }  # fmt: skip

    def test_may_be_used_again_by_the_same_person(self) -> None:
        self.rename("ada", "lovelace")
        self.rename("lovelace", "ada")

        assert User.objects.filter(username="ada").exists()
