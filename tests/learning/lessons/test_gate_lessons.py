"""From recorded windows of a gate to a lesson that asks for another threshold, and to none where there is nothing."""

from __future__ import annotations

import pytest

from learning.core.tuning.evidence_source import Source
from learning.lessons.lever_evidence import newest_levers
from learning.models import Lesson
from learning.validation.lever_runs import measure_levers
from tests.builders import NOW
from tests.learning.episodes import record_shut_out
from tests.learning.lessons.evidence_builds import build

pytestmark = pytest.mark.django_db
TS = "min_ts_for_add"


def test_a_gate_that_keeps_good_entries_out_ends_in_a_lesson() -> None:
    record_shut_out(320, gain=1.0)

    measure_levers(module="pm", now=NOW)
    build()

    (found,) = newest_levers("pm")[TS]
    assert (found.source, found.told, found.is_supported, found.decides) == (Source.WINDOWS, 320, True, True)
    assert found.walk is not None
    assert found.walk.gain == pytest.approx(500, rel=0.1)
    refusals = {each.alternative: each.refusal for each in found.alternatives}
    assert [refusals[name] for name in ("0.4", "0.55")] == ["", ""]
    assert refusals["0.65"] == "it changes 0 episodes, and 20 are needed"
    lessons = Lesson.objects.filter(type="pm_tuning", policy="evidence", status="active")
    assert {lesson.action_category for lesson in lessons} == {"add"}  # its windows are of adds alone
    (good,) = (lesson for lesson in lessons if lesson.scope == {"macro_phase": "Good"})
    assert 0.4 <= good.targets[TS] < 0.6
    assert good.stats["alternatives"][TS]["source"] == "windows"


def test_a_gate_that_keeps_nothing_out_that_gains_ends_in_none() -> None:
    record_shut_out(320, gain=0.0)

    measure_levers(module="pm", now=NOW)
    build()

    (found,) = newest_levers("pm")[TS]
    assert (found.standing, found.lines) == ("evidence only", 0)
    assert found.walk is not None
    assert (found.walk.moved, found.walk.gain) == (0, 0.0)
    assert all(each.refusal for each in found.alternatives)
    assert not Lesson.objects.filter(type="pm_tuning").exists()
