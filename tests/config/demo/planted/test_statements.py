"""What the system states is compared with what was planted; the story itself runs in `./dev demo --planted`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from config.demo.planted import story
from config.demo.planted.stage import Calendar
from config.demo.planted.statements import statements
from config.demo.planted.truth import EFFECTS

pytestmark = pytest.mark.django_db

CALENDAR = Calendar.before(datetime(2026, 12, 1, tzinfo=UTC))


class TestStatements:
    def test_hold_nowhere_in_a_database_in_which_the_story_has_not_run(self) -> None:
        found = statements(CALENDAR)

        assert [each.name for each in found if each.holds] == []
        assert len({each.name for each in found}) == len(found) > len(EFFECTS)


class TestCommand:
    def test_fails_where_the_story_did_not_end_as_planted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(story, "run_planted_demo", lambda **_: True)
        monkeypatch.setattr(story, "calendar_of", lambda now: CALENDAR)

        with pytest.raises(CommandError, match=r"did not end as planted: planted\.long\.breakout \[bucket=small\]"):
            call_command("planted_demo", "--headless")

    def test_runs_nowhere_but_in_a_database_whose_pages_say_so(self, settings: Any) -> None:
        assert not settings.PLANTED_DEMO

        with pytest.raises(CommandError, match=r"\./dev demo --planted"):
            call_command("planted_demo")
