from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from config.demo.people import create_people
from telemetry.models import AuditEntry

pytestmark = pytest.mark.django_db


class TestMeetPeople:
    def test_gives_each_one_role_and_the_administrator_everything(self, now: datetime) -> None:
        people = create_people(lambda: now, None)

        roles = {name: [group.name for group in person.groups.all()] for name, person in people.items()}
        assert roles == {
            "author": ["parameter admin"], "reviewer": ["reviewer"], "operator": ["operator"], "administrator": [],
        }  # fmt: skip
        assert [name for name, person in people.items() if person.is_superuser] == ["administrator"]
        assert all(person.is_staff for person in people.values())

    def test_shows_each_password_once_in_a_private_file(self, tmp_path: Path, now: datetime) -> None:
        credentials = tmp_path / "people.json"

        create_people(lambda: now, credentials)
        made = json.loads(credentials.read_text())
        create_people(lambda: now, credentials)

        assert json.loads(credentials.read_text()) == made
        assert credentials.stat().st_mode & 0o777 == 0o600
        assert all(User.objects.get(username=name).check_password(made[name]) for name in ("author", "administrator"))

    def test_reads_the_clock_for_each_of_them_because_hashing_passwords_takes_time(self, now: datetime) -> None:
        moments = (now + timedelta(seconds=seconds) for seconds in count())

        people = create_people(lambda: next(moments), None)

        written = AuditEntry.objects.filter(actor="command demo").values_list("written_at", flat=True)
        assert len(set(written)) == len({*people, "their bot"})

    def test_keeps_the_passwords_of_those_made_before_one_could_not_be(self, tmp_path: Path, now: datetime) -> None:
        credentials, moments = tmp_path / "people.json", iter([now, now])

        with pytest.raises(StopIteration):
            create_people(lambda: next(moments), credentials)

        made = json.loads(credentials.read_text())
        assert made.keys() == {"author", "reviewer"}
        assert all(User.objects.get(username=name).check_password(made[name]) for name in made)
