"""What the system states is compared with what was planted; the story itself runs in `./dev demo --planted`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from config.demo.planted import story
from config.demo.planted.stage import Calendar
from config.demo.planted.statements import statements
from config.demo.planted.truth import EFFECTS, Effect
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.requests.machine_acts import disable_line
from tests.builders import make_parameters, make_spec, publish

pytestmark = pytest.mark.django_db

CALENDAR = Calendar.before(datetime(2026, 12, 1, tzinfo=UTC))
FLIPS, LASTS, FADES, _ = EFFECTS
EVIDENCE = make_parameters({"policy": "evidence", "combiner": "evidence"})


def line_spec(effect: Effect, dimension: str, value: str) -> OverrideSpec:
    """Return an override of the pattern of a planted effect, for one value of a dimension."""
    return make_spec(pattern_key=effect.pattern, policy="evidence", scope={dimension: value})


class TestStatements:
    def test_hold_nowhere_in_a_database_in_which_the_story_has_not_run(self) -> None:
        found = statements(CALENDAR)

        assert [each.name for each in found if each.holds] == []
        assert len({each.name for each in found}) == len(found) > len(EFFECTS)


class TestLinesOfThePlantedPatterns:
    def holds(self) -> bool:
        [found] = [each for each in statements(CALENDAR) if each.name == "other lines"]
        return found.holds

    def disable(self, effect: Effect, dimension: str, value: str, day: int) -> None:
        spec = line_spec(effect, dimension, value)
        publish(spec, at=CALENDAR.day(day - 30))
        disable_line(module="pm", line_id=spec.line, reason="its evidence", at=CALENDAR.day(day))

    def test_may_be_disabled_by_luck_where_none_has_an_edge_of_its_own(self) -> None:
        publish(line_spec(LASTS, LASTS.dimension, LASTS.value), parameters=EVIDENCE, at=CALENDAR.day(100))
        self.disable(FLIPS, "timeframe", "1h", 160)

        assert self.holds()

    def test_are_not_disabled_before_their_own_edge_changes(self) -> None:
        publish(line_spec(LASTS, LASTS.dimension, LASTS.value), parameters=EVIDENCE, at=CALENDAR.day(100))
        self.disable(FADES, FADES.dimension, FADES.value, FADES.phases[1].since - 20)

        assert not self.holds()


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
