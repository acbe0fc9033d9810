"""Lessons to change requests: one a day, material differences only, and no changes to what people decided."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from learning.models import Lesson
from learning.proposals.materialize import (
    material_differences,
    materialize,
    publish_what_mandates_cover,
    requested_specs,
)
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import Channel, LearningMethod
from overrides.models import ChangeLine, ChangeRequest, LineHold
from overrides.requests.apply import apply_request
from overrides.requests.emergency import cap_line
from overrides.requests.review import approve, cancel, reject
from overrides.versions.publish import store_override
from telemetry.audit.verify_trail import verify_trail
from telemetry.models import AuditEntry
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    DAY,
    NOW,
    make_lesson,
    make_parameters,
    make_spec,
    make_trades,
    publish,
    run_concurrently,
    without_triggers,
)

DIP = {"macro_phase": "Dip"}
HALF_STEP = 1.02**0.5
EVIDENCE = {"policy": "evidence", "combiner": "evidence"}


def propose(at: datetime = NOW, module: str = "pm") -> ChangeRequest | None:
    return materialize(module=module, now=at)


def lines(request: ChangeRequest | None) -> dict[str, tuple[str, list[str]]]:
    """Return line -> action and reasons."""
    assert request is not None
    return {line.line_id: (line.action, line.differences) for line in request.lines.all()}


def targets(request: ChangeRequest) -> dict[str, float]:
    """Return the targets of a request's only line."""
    after = request.lines.get().after
    assert after is not None
    return dict(after.levers)


def put_into_force(reviewer: User, at: datetime = NOW) -> None:
    request = propose(at)
    assert request is not None
    approve(request_id=request.pk, by=reviewer, at=at)
    apply_request(request_id=request.pk, by=reviewer, at=at)


def move(lesson: Lesson, **over: Any) -> None:
    Lesson.objects.filter(pk=lesson.pk).update(**over)


@pytest.mark.django_db
class TestMaterialize:
    def test_drafts_one_request_of_what_lessons_want(self, now: datetime) -> None:
        new, other = make_lesson(), make_lesson({"size_mult": 0.95}, scope=DIP)

        request = propose()

        assert request is not None
        assert (request.module, request.kind, request.state, request.author) == ("pm", "lines", "in_review", None)
        assert (request.author_name, request.title) == ("materializer", "Lessons: 2 new")
        assert lines(request) == {each.line_id: ("add", ["new line"]) for each in (new, other)}
        after = ChangeLine.objects.get(line=new.line_id).after
        assert after is not None
        assert (after.levers, after.source, after.created_at) == ({"size_mult": 1.1}, "lesson", now)
        assert (after.edge_raw, after.n, after.variance, after.half_life_days) == (0.8, 40.0, 0.5, 90.0)

    def test_counts_its_changes_in_the_reason(self) -> None:
        make_lesson()

        request = propose()

        assert request is not None
        assert request.reason == "Daily proposal: 1 change from 1 active lesson of pm"

    def test_copies_the_promise_that_scoring_holds_it_to(self) -> None:
        """The sd of a mean of 40 with variance .5 is .1118, s_p = .7071, mu0 the baseline."""
        make_lesson()

        propose()

        after = ChangeLine.objects.get().after
        assert after is not None
        assert after.promise == {
            "predicted": 0.8,
            "sd": pytest.approx(0.111803399, abs=1e-9),
            "mu0": 0.1,
            "s_p": pytest.approx(0.707106781, abs=1e-9),
        }

    def test_promises_of_policy_evidence_the_posterior(self) -> None:
        """The edge it adds and its sd: lfsr is Phi(-|predicted| / sd)."""
        publish(parameters=make_parameters(EVIDENCE))
        lesson = make_lesson(policy="evidence")
        move(lesson, stats=lesson.stats | {"sd": 0.3, "lfsr": 0.0038})

        propose()

        after = ChangeLine.objects.get().after
        assert after is not None
        assert after.promise == {"predicted": 0.8, "sd": 0.3, "mu0": 0.1, "s_p": pytest.approx(0.5**0.5)}

    def test_asks_again_when_evidence_becomes_verified_or_ceases_to_be(self, reviewer: User) -> None:
        publish(parameters=make_parameters(EVIDENCE))
        lesson = make_lesson({"size_mult": 1.015}, policy="evidence")
        move(lesson, stats=lesson.stats | {"sd": 0.5})  # Phi(-1.6) = .055
        put_into_force(reviewer)

        move(lesson, stats=lesson.stats | {"sd": 0.4})  # Phi(-2) = .023

        assert lines(propose(NOW + DAY)) == {lesson.line_id: ("change", ["now verified"])}

    def test_names_the_lever_of_a_dm_target(self) -> None:
        make_lesson(
            {"alloc_mult_target": 1.05}, type="dm_alloc", module="dm", action_category="allocation",
            pattern_key="dm_pattern.allocation.allocation", scope={"chain": "sol"},
        )  # fmt: skip

        request = propose(module="dm")

        after = ChangeLine.objects.get(request=request).after
        assert after is not None
        assert after.levers == {"alloc_mult": 1.05}

    @pytest.mark.parametrize(
        "over", [{"status": "too_light"}, {"status": "withdrawn"}, {"targets": {"size_mult": 1.0}}]
    )
    def test_has_no_use_for_lessons_that_do_not_act(self, over: Mapping[str, Any]) -> None:
        make_lesson(**over)

        assert propose() is None

    def test_asks_once_a_day(self, reviewer: User, now: datetime) -> None:
        make_lesson()
        first = propose()
        assert first is not None
        cancel(request_id=first.pk, by=reviewer, reason="not today", at=now)

        assert propose(now + timedelta(hours=11, minutes=59)) is None
        assert propose(now + timedelta(hours=12)) is not None

    def test_asks_for_30_days_not_again_what_was_rejected(self, reviewer: User, now: datetime) -> None:
        make_lesson()
        first = propose()
        assert first is not None
        reject(request_id=first.pk, by=reviewer, reason="noise", at=now)

        assert propose(now + DAY) is None
        assert propose(now + 29 * DAY) is None
        assert propose(now + 30 * DAY) is not None

    def test_asks_nothing_while_a_request_is_open(self) -> None:
        make_lesson()
        propose()

        assert propose(NOW + 3 * DAY) is None

    def test_asks_for_each_module_by_itself(self) -> None:
        make_lesson()
        propose()

        make_lesson(
            {"alloc_mult_target": 1.05}, type="dm_alloc", module="dm", action_category="allocation",
            pattern_key="dm_pattern.allocation.allocation", scope={"chain": "sol"},
        )  # fmt: skip
        assert propose(module="dm") is not None

    def test_serves_the_channels_policy(self) -> None:
        """A lesson of one method is no override of a channel that runs on the other."""
        publish(parameters=make_parameters({"policy": "evidence", "combiner": "evidence"}))
        make_lesson()

        assert propose() is None

    def test_proposes_nothing_where_what_is_in_force_is_near_enough(self, reviewer: User) -> None:
        lesson = make_lesson()
        put_into_force(reviewer)

        move(lesson, targets={"size_mult": 1.1 * 1.02**0.49}, edge_raw=0.9)

        assert propose(NOW + DAY) is None

    def test_proposes_a_target_that_moved_more_than_half_a_step(self, reviewer: User) -> None:
        lesson = make_lesson()
        put_into_force(reviewer)

        move(lesson, targets={"size_mult": 1.1 * 1.02**0.51})

        assert lines(propose(NOW + DAY)) == {lesson.line_id: ("change", ["size_mult moves by more than half a step"])}

    def test_withdraws_a_line_whose_target_lags_behind_an_edge_that_changed_sign(self, reviewer: User) -> None:
        lesson = make_lesson()
        put_into_force(reviewer)
        turned = {"edge_raw": -0.4, "stats": lesson.stats | {"edge_raw": -0.4}}
        move(lesson, **turned, targets={"size_mult": 1.06})

        lagging = propose(NOW + DAY)

        assert lines(lagging) == {lesson.line_id: ("withdraw", ["withdrawn"])}

    def test_proposes_to_withdraw_everything_after_an_empty_run(self, reviewer: User) -> None:
        lessons = [make_lesson(), make_lesson({"size_mult": 0.9}, scope=DIP)]
        put_into_force(reviewer)
        Lesson.objects.update(status="withdrawn")

        request = propose(NOW + DAY)

        assert lines(request) == {lesson.line_id: ("withdraw", ["withdrawn"]) for lesson in lessons}
        assert request is not None
        assert request.title == "Lessons: 2 withdrawn"

    @pytest.mark.parametrize("kind", ["veto", "pin"])
    def test_respects_holds_until_they_end(self, kind: str, reviewer: User) -> None:
        lesson, free = make_lesson(), make_lesson({"size_mult": 0.9}, scope=DIP)
        put_into_force(reviewer)
        Lesson.objects.update(status="withdrawn")
        with without_triggers():  # the verb that places a veto would also retire the line
            LineHold.objects.create(
                line_id=lesson.line_id, kind=kind, reason="hands off", placed_by=reviewer, placed_at=NOW,
                expires_at=NOW + 10 * DAY,
            )  # fmt: skip

        assert list(lines(propose(NOW + DAY))) == [free.line_id]

        ChangeRequest.objects.filter(state="in_review").update(state="cancelled")
        assert set(lines(propose(NOW + 10 * DAY))) == {lesson.line_id, free.line_id}

    def test_waits_for_a_target_that_has_not_followed_its_edge_over_neutral(self) -> None:
        lesson = make_lesson({"size_mult": 1.1})
        move(lesson, stats=lesson.stats | {"edge_raw": -0.8})

        assert propose() is None

        move(lesson, targets={"size_mult": 0.99})
        assert list(lines(propose(NOW + DAY))) == [lesson.line_id]

    def test_leaves_what_people_wrote_alone(self) -> None:
        """On a line of its own, and on the line of a lesson."""
        lesson = make_lesson({"size_mult": 1.2})
        publish(make_spec({"size_mult": 0.8}), make_spec({"size_mult": 1.1}, scope=DIP), source="person")
        assert make_spec().line == lesson.line_id

        assert propose() is None

    def test_is_not_confused_by_a_lesson_that_people_rolled_back(self, reviewer: User) -> None:
        lesson = make_lesson()
        put_into_force(reviewer)
        publish(withdraw=[lesson.line_id])

        assert lines(propose(NOW + DAY)) == {lesson.line_id: ("add", ["new line"])}


@pytest.mark.django_db
class TestWantedSpecs:
    parameters = ModuleParameters.default("pm")

    def requested(
        self, *policies: LearningMethod, parameters: ModuleParameters = parameters
    ) -> dict[str, Mapping[str, float]]:
        found = [requested_specs("pm", parameters, {Channel.PM_STRENGTH: policy}) for policy in policies]
        return {line: spec.levers for each in found for line, spec in each.items()}

    def test_are_those_of_the_policies_asked_for_whatever_is_in_force(self) -> None:
        of_plan, of_evidence = make_lesson(), make_lesson({"size_mult": 1.2}, policy="evidence")
        make_lesson(policy="evidence", scope=DIP, status="too_light")

        assert self.requested(LearningMethod.PLAN) == {of_plan.line_id: {"size_mult": 1.1}}
        assert self.requested(LearningMethod.EVIDENCE) == {of_evidence.line_id: {"size_mult": 1.2}}
        assert (
            self.requested() == {} == requested_specs("pm", self.parameters, {Channel.PM_TUNING: LearningMethod.PLAN})
        )

    def test_keep_to_tighter_bounds(self) -> None:
        lesson = make_lesson({"size_mult": 1.25, "entry_aggression_mult": 1.1})
        tight = make_parameters({"weights": {"bounds": {"size_mult": [0.9, 1.15]}}})

        assert self.requested(LearningMethod.PLAN, parameters=tight) == {
            lesson.line_id: {"size_mult": 1.15, "entry_aggression_mult": 1.1}
        }


class TestMaterialDifferences:
    parameters = ModuleParameters.default("pm")

    def differences(self, before: Mapping[str, float], after: Mapping[str, float]) -> list[str]:
        return material_differences(make_spec(before), make_spec(after), self.parameters)

    def test_are_none_within_half_a_step_either_way(self) -> None:
        for factor in (HALF_STEP * 0.9999, 1 / (HALF_STEP * 0.9999), 1.0):
            assert self.differences({"size_mult": 1.1}, {"size_mult": 1.1 * factor}) == []

    def test_name_a_move_beyond_half_a_step(self) -> None:
        for factor in (HALF_STEP * 1.0001, 1 / (HALF_STEP * 1.0001)):
            assert self.differences({"size_mult": 1.1}, {"size_mult": 1.1 * factor}) == [
                "size_mult moves by more than half a step"
            ]

    def test_name_a_change_of_sign_however_small(self) -> None:
        assert self.differences({"size_mult": 1.001}, {"size_mult": 0.999}) == ["size_mult changes sign"]

    def test_name_levers_that_come_and_go(self) -> None:
        assert self.differences({"size_mult": 1.1}, {"entry_aggression_mult": 1.1}) == [
            "entry_aggression_mult added",
            "size_mult dropped",
        ]

    def test_name_lines_that_come_and_go(self) -> None:
        assert material_differences(None, make_spec(), self.parameters) == ["new line"]
        assert material_differences(make_spec(), None, self.parameters) == ["withdrawn"]
        assert material_differences(None, None, self.parameters) == []

    def test_use_the_steps_in_force(self) -> None:
        tight = make_parameters({"weights": {"max_steps": {"size_mult": 0.002}}})

        found = material_differences(make_spec({"size_mult": 1.1}), make_spec({"size_mult": 1.102}), tight)

        assert found == ["size_mult moves by more than half a step"]

    def test_measure_linear_levers_in_their_own_units(self) -> None:
        delays = [make_spec({"entry_delay_bars": bars}, type="pm_tuning") for bars in (1.0, 1.09, 1.11)]

        found = [material_differences(delays[0], delay, self.parameters) for delay in delays]

        assert found == [[], [], ["entry_delay_bars moves by more than half a step"]]


@pytest.mark.django_db(transaction=True)
def test_two_at_once_draft_one_request() -> None:
    """The scheduled run and a person who requests one at the same time."""
    make_lesson()

    drafted = run_concurrently(*[propose] * 3)

    assert sum(request is None for request in drafted) == 2
    assert ChangeRequest.objects.count() == 1


def rejected(reviewer: User) -> Lesson:
    """A lesson whose line was rejected: an edge of .8 R on 40 trades with variance .5, a standard error of .1118."""
    lesson = make_lesson()
    request = propose()
    assert request is not None
    reject(request_id=request.pk, by=reviewer, reason="noise", at=NOW)
    return lesson


@pytest.mark.django_db
class TestARejectedLine:
    @pytest.mark.parametrize(
        ("stats", "why"),
        [
            ({"n": 60}, "proposed again: its trades grew from 40 to 60"),
            (
                {"edge_raw": 0.92},
                "proposed again: its edge moved from +0.800 to +0.920 R, at least the standard error of 0.112 R",
            ),
        ],
    )
    def test_comes_back_when_its_evidence_moved(self, reviewer: User, stats: dict[str, float], why: str) -> None:
        lesson = rejected(reviewer)
        move(lesson, stats=lesson.stats | stats)

        request = propose(NOW + DAY)

        assert lines(request) == {lesson.line_id: ("add", ["new line"])}
        (hold,) = LineHold.objects.all()
        assert hold.lifted_at == NOW + DAY
        entry = AuditEntry.objects.get(object=f"line {lesson.line_id}", content__contains='"lift pin"')
        assert json.loads(entry.content)["reason"] == why
        assert json.loads(entry.content)["actor"] == "materializer"
        assert request is not None
        approve(request_id=request.pk, by=reviewer, at=NOW + DAY)  # no pin is in the way
        assert verify_trail(full=True).findings == ()

    def test_comes_back_on_the_other_side(self, reviewer: User) -> None:
        lesson = rejected(reviewer)
        move(lesson, stats=lesson.stats | {"edge_raw": -0.75}, edge_raw=-0.75, targets={"size_mult": 0.95})

        assert lines(propose(NOW + DAY)) == {lesson.line_id: ("add", ["new line"])}

    @pytest.mark.parametrize("stats", [{"n": 59}, {"edge_raw": 0.91}, {"edge_raw": 0.7}, {"n": 20}])
    def test_waits_where_its_evidence_moved_less(self, reviewer: User, stats: dict[str, float]) -> None:
        lesson = rejected(reviewer)
        move(lesson, stats=lesson.stats | stats, targets={"size_mult": 1.3})

        assert propose(NOW + DAY) is None
        assert LineHold.objects.get().lifted_at is None

    def test_may_be_withdrawn_all_the_time(self, reviewer: User) -> None:
        lesson = make_lesson()
        put_into_force(reviewer)
        move(lesson, targets={"size_mult": 1.2})
        request = propose(NOW + DAY)
        assert request is not None
        reject(request_id=request.pk, by=reviewer, reason="noise", at=NOW + DAY)
        move(lesson, status="withdrawn")

        gone = propose(NOW + 2 * DAY)

        assert lines(gone) == {lesson.line_id: ("withdraw", ["withdrawn"])}
        assert gone is not None
        approve(request_id=gone.pk, by=reviewer, at=NOW + 2 * DAY)

    def test_is_not_moved_under_its_mandate_either(self, reviewer: User) -> None:
        lesson = make_lesson({"size_mult": 1.2})
        put_into_force(reviewer)
        move(lesson, targets={"size_mult": 1.25})
        request = propose(NOW + DAY)
        assert request is not None
        reject(request_id=request.pk, by=reviewer, reason="noise", at=NOW + DAY)
        record_trades(make_trades([1.0] * 100), now=NOW)
        move(lesson, targets={"size_mult": 1.1})

        assert publish_what_mandates_cover(module="pm", now=NOW + 2 * DAY) is None
        move(lesson, status="withdrawn")
        assert publish_what_mandates_cover(module="pm", now=NOW + 2 * DAY) is not None


@pytest.mark.django_db
class TestACap:
    def test_keeps_proposals_within(self, reviewer: User) -> None:
        lesson = make_lesson({"size_mult": 1.2})
        store_override(make_spec({"size_mult": 1.2}), source="lesson", at=NOW)
        cap_line(line_id=lesson.line_id, cap={"size_mult": 1.05}, by=reviewer, reason="x", at=NOW, expires_at=NOW + DAY)

        request = propose()

        assert request is not None
        assert targets(request) == {"size_mult": 1.05}
        cancel(request_id=request.pk, by=reviewer, reason="later", at=NOW)
        later = propose(NOW + DAY)
        assert later is not None
        assert targets(later) == {"size_mult": 1.2}
