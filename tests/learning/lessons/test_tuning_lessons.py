from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from learning.core.tuning.evidence_source import Source
from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_due
from learning.models import BuilderRun, Lesson
from learning.proposals.materialize import materialize
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.core.governance.evidence_bar import clears_evidence_bar
from overrides.models import ChangeLine
from overrides.serving.engine import ENGINE_ROOM
from overrides.serving.resolve import resolve
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, NOW, approve_and_apply, make_question, make_trades, publish, set_mode
from tests.learning.lessons.evidence_builds import build
from tests.learning.levers import GAIN, UNSURE, make_lever_run, make_line
from tests.shared_world import Shared

DELAY, TRAIL, PHASE, GATE = "entry_delay_bars", "trail_mult", "phase1_frac_mult", "min_ts_for_add"
GOOD = {"macro_phase": "Good", "bucket": "micro"}
pytestmark = pytest.mark.django_db


def furnish() -> None:
    record_trades(make_trades([0.5, -0.5] * 15), now=NOW)
    aggregate_dirty(now=NOW)


@pytest.fixture(scope="module", autouse=True)
def facts(shared: Shared) -> Iterator[None]:
    with shared(furnish):
        yield


def tuning(**over: Any) -> Lesson:
    return Lesson.objects.get(type="pm_tuning", **over)


def test_act_where_a_walk_forward_supports_the_lever() -> None:
    make_lever_run([make_line()], supported=[DELAY])

    build()

    lessons = {lesson.action_category: lesson for lesson in Lesson.objects.filter(type="pm_tuning")}
    assert lessons.keys() == {"entry", "add"}
    lesson = lessons["entry"]
    assert (lesson.policy, lesson.status, lesson.scope, lesson.targets) == ("evidence", "active", GOOD, {DELAY: 1.0})
    assert (lesson.edge_raw, lesson.weight) == (0.4, 1 - 0.00003)
    stored = {"n": 120, "variance": 0.5, "half_life_days": 360.0, "sd": 0.1, "raw": 0.8, "standing": "supported"}
    assert stored.items() <= lesson.stats.items()
    alternative = {"alternative": "2", "source": "trades", "gain": 0.4, "sd": 0.1, "lfsr": 0.00003}
    assert lesson.stats["alternatives"] == {DELAY: alternative}


@pytest.mark.parametrize(
    ("line", "supported", "standing"),
    [({}, [], "evidence only"), ({"heavy": False, "weight": 0.001}, [DELAY], "too light")],
)
def test_are_shown_and_not_proposed_otherwise(line: dict[str, Any], supported: list[str], standing: str) -> None:
    make_lever_run([make_line(**line)], supported=supported)

    build()

    lesson = tuning(action_category="entry")
    assert (lesson.status, lesson.stats["standing"]) == ("too_light", standing)


def test_of_several_levers_in_one_scope_claim_the_smallest_gain() -> None:
    make_lever_run([make_line(), make_line(PHASE, target=0.8, gain=0.2, n=90)], supported=[DELAY, PHASE])

    build()

    lesson = tuning(action_category="entry")
    assert lesson.targets == {DELAY: 1.0, PHASE: 0.8}
    assert (lesson.edge_raw, lesson.stats["n"]) == (0.2, 90)


def test_leave_out_the_lever_that_nothing_supports() -> None:
    make_lever_run([make_line(), make_line(PHASE, target=0.8, gain=0.2)], supported=[DELAY])

    build()

    assert tuning(action_category="entry").targets == {DELAY: 1.0}


def test_stand_in_every_category_that_the_lever_acts_on() -> None:
    make_lever_run([make_line(TRAIL, target=1.2)], supported=[TRAIL])

    build()

    found = Lesson.objects.filter(type="pm_tuning").values_list("action_category", flat=True)
    assert set(found) == {"trim", "exit"}


def test_of_two_sources_are_those_of_the_one_that_decides() -> None:
    """Windows that support nothing outweigh trades that do; nothing of the two is added up."""
    windows = make_line(GATE, target=0.55, gain=0.1, source=Source.WINDOWS, categories=("add",))
    make_lever_run([make_line(GATE, target=0.5), windows], {GATE: GAIN}, supported=[GATE], by_windows={GATE: UNSURE})

    build()

    lesson = tuning()
    assert (lesson.action_category, lesson.targets, lesson.edge_raw) == ("add", {GATE: 0.55}, 0.1)
    assert (lesson.status, lesson.stats["standing"]) == ("too_light", "evidence only")
    assert lesson.stats["alternatives"][GATE]["source"] == "windows"


def test_go_when_the_next_measurement_finds_nothing() -> None:
    make_lever_run([make_line()], supported=[DELAY])
    build()
    make_lever_run(as_of=NOW + timedelta(hours=1), asked_at=NOW + timedelta(hours=1))

    build(NOW + timedelta(hours=2))

    assert set(Lesson.objects.filter(type="pm_tuning").values_list("status", flat=True)) == {"withdrawn"}


def test_a_new_measurement_is_something_new() -> None:
    def built(hours: float) -> int:
        build_due(module="pm", policy=LearningMethod.EVIDENCE, now=NOW + timedelta(hours=hours))
        return BuilderRun.objects.count()

    assert [built(1), built(2)] == [1, 1]
    make_lever_run([make_line()], supported=[DELAY], as_of=NOW, asked_at=NOW + timedelta(hours=2))
    assert built(3) == 2


def test_leave_dm_alone() -> None:
    make_lever_run([make_line()], supported=[DELAY])

    build(module="dm")

    assert not Lesson.objects.exists()


class TestProposal:
    """What a supported line asks for goes the way of every other line, and is combined as the plan does."""

    @pytest.fixture
    def served_by_evidence(self, facts: None) -> ModuleParameters:
        document = ModuleParameters.default("pm").to_document()
        document["channels"]["pm_tuning"] |= {"policy": "evidence", "combiner": "plan"}
        parameters = ModuleParameters.from_document("pm", document)
        publish(parameters=parameters)
        make_lever_run([make_line()], supported=[DELAY])
        build()
        return parameters

    def test_is_drafted_with_its_promise(self, served_by_evidence: ModuleParameters) -> None:
        request = materialize(module="pm", now=NOW + timedelta(hours=1))

        assert request is not None
        (line, *_) = ChangeLine.objects.filter(request=request, line__channel="pm_tuning").order_by(
            "line__action_category"
        )
        assert line.after is not None
        spec = line.after.spec
        assert spec.levers == {DELAY: 1.0}
        assert spec.promise == {"predicted": 0.4, "sd": 0.1, "mu0": 0.0, "s_p": pytest.approx(0.5**0.5)}
        assert clears_evidence_bar(spec, served_by_evidence.evidence)

    def test_is_published_and_answered_one_step_at_a_time(self, served_by_evidence: ModuleParameters) -> None:
        """One bar in the end; .2 from where the bot stands, although a version of the method holds a ramp."""
        request = materialize(module="pm", now=NOW + timedelta(hours=1))
        assert request is not None
        approve_and_apply(request, at=NOW + timedelta(hours=2))
        set_mode()

        ENGINE_ROOM.refresh()
        at = NOW + DAY
        questions = [make_question(scope=GOOD, at=at.isoformat(), current={DELAY: bars}) for bars in (0.0, 0.9)]
        found = resolve(questions, now=at)

        assert [each.record.levers[DELAY]["served"] for each in found] == [0.2, 1.0]
        assert {each.record.reason for each in found} == {"SINGLE"}
