from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from config.demo.people import create_people

pytestmark = pytest.mark.django_db


class TestMeetPeople:
    def test_gives_each_one_role_and_the_administrator_everything(self, now: datetime) -> None:
        people = create_people(now, None)

        roles = {name: [group.name for group in person.groups.all()] for name, person in people.items()}
        assert roles == {
            "author": ["parameter admin"], "reviewer": ["reviewer"], "operator": ["operator"], "administrator": [],
        }  # fmt: skip
        assert [name for name, person in people.items() if person.is_superuser] == ["administrator"]
        assert all(person.is_staff for person in people.values())

    def test_shows_each_password_once_in_a_private_file(self, tmp_path: Path, now: datetime) -> None:
        credentials = tmp_path / "people.json"

        create_people(now, credentials)
        made = json.loads(credentials.read_text())
        create_people(now, credentials)

        assert json.loads(credentials.read_text()) == made
        assert credentials.stat().st_mode & 0o777 == 0o600
        assert all(User.objects.get(username=name).check_password(made[name]) for name in ("author", "administrator"))
