"""Switching the learning method, end to end: built, requested, approved, served as a sum, and switched back."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from learning.lessons.build import build_lessons
from learning.models import BuilderRun, Lesson, MethodStrength
from learning.proposals.challenger_trial import draft_trial
from learning.proposals.materialize import publish_what_mandates_cover
from learning.proposals.switch_method import draft_switch, other_policy, switch_to
from learning.validation.strength_gate import unready_method
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import Channel, Combiner, LearningMethod
from overrides.core.governance.errors import GateError
from overrides.models import ChangeRequest, Mandate, Membership, Version
from overrides.requests.apply import apply_request
from overrides.requests.authoring import draft_request
from overrides.requests.emergency import veto_line
from overrides.requests.review import approve
from overrides.serving.engine import ENGINE_ROOM
from overrides.serving.resolve import Resolved, resolve
from overrides.versions.load_version import current_parameters, load_specs
from tests.admin_pages import browser_of, page
from tests.builders import DAY, NOW, make_lesson, make_question, make_spec, publish, set_mode
from tests.conftest import make_user
from tests.learning.opinions import make_strength
from tests.learning.phases import evidence_parameters, record_phases

HOUR = timedelta(hours=1)
STRENGTH = Channel.PM_STRENGTH
PAGE = "/admin/learning/builderrun/pm/switch/"


@pytest.fixture(autouse=True)
def strength(db: None) -> MethodStrength:
    """Most of what the evidence method believed came true."""
    return make_strength(1.0, 1.0, 0.0)


@pytest.fixture
def proposer(db: None) -> User:
    return make_user("proposer", "overrides.add_changerequest", "overrides.propose_parameters")


def switch(
    author: User, at: datetime = NOW, policy: LearningMethod = LearningMethod.EVIDENCE, **over: Any
) -> ChangeRequest:
    fields: dict[str, Any] = {"module": "pm", "channel": STRENGTH, "reason": "it earned more as a challenger"}
    return draft_switch(policy=policy, author=author, at=at, **fields | over)


def put_into_force(request: ChangeRequest, reviewer: User, at: datetime) -> None:
    approve(request_id=request.pk, by=reviewer, at=at)
    apply_request(request_id=request.pk, by=reviewer, at=at)


def ask(phase: str, bucket: str, at: datetime) -> Resolved:
    ENGINE_ROOM.refresh()
    question = make_question(scope={"macro_phase": phase, "bucket": bucket}, at=at.isoformat())
    return resolve([question], now=at)[0]


def build(at: datetime = NOW) -> None:
    for policy in LearningMethod:
        build_lessons(module="pm", policy=policy, now=at)


def in_force() -> dict[str, Membership]:
    rows = Membership.objects.filter(module="pm", to_version=None)
    return {row.line_id: row for row in rows.select_related("override")}


@pytest.mark.django_db
class TestTheWholeWay:
    def test_from_facts_to_a_sum_of_what_matches(self, author: User, reviewer: User) -> None:
        record_phases()
        build()
        mine, lesson_of_plan = make_spec(scope={"timeframe": "1h"}), make_spec({"size_mult": 1.05}, stats={"n": 50})
        publish(mine)
        publish(lesson_of_plan, source="lesson")
        set_mode("on")

        request = switch(author)

        lessons = list(Lesson.objects.filter(policy="evidence", status="active"))
        actions = list(request.lines.values_list("action", flat=True))
        assert (request.kind, request.state) == ("parameters", "in_review")
        assert (actions.count("withdraw"), actions.count("add")) == (2, len(lessons))
        assert request.title == f"Learning method of pm_strength → evidence: 2 withdrawn, {len(lessons)} new"
        assert ask("Good", "micro", NOW).record.combiner == "pm_strength=plan,pm_tuning=plan"

        put_into_force(request, reviewer, NOW)

        assert current_parameters("pm").channels[STRENGTH].combiner is Combiner.EVIDENCE
        assert set(in_force()) == {each.line_id for each in lessons}
        assert Mandate.objects.filter(revoked_at=None, line__policy="evidence").count() == len(lessons)
        assert ask("Good", "micro", NOW).answer.levers["size_mult"] == 1.0  # every ramp starts at neutral
        for phase, bucket, days in (("Good", "micro", 2.5), ("Dip", "large", 2.5), ("Good", "large", 29.0)):
            answer = ask(phase, bucket, NOW + days * DAY)
            scope = {"macro_phase": phase, "bucket": bucket}
            matching = [each for each in lessons if each.scope.items() <= scope.items()]
            reach = math.log(1.02) * days
            expected = sum(min(max(math.log(each.targets["size_mult"]), -reach), reach) for each in matching)
            assert len(matching) >= 2
            assert set(answer.record.contributions and {c["line"] for c in answer.record.contributions}) == {
                each.line_id for each in matching
            }
            bounded = min(max(expected, math.log(0.7)), math.log(1.3))
            assert math.log(answer.answer.levers["size_mult"]) == pytest.approx(bounded, abs=1e-8)

    def test_and_back(self, author: User, reviewer: User) -> None:
        record_phases()
        build()
        put_into_force(switch(author), reviewer, NOW)

        request = switch(author, NOW + HOUR, LearningMethod.PLAN, combiner=Combiner.MOST_SPECIFIC)
        put_into_force(request, reviewer, NOW + HOUR)

        current = current_parameters("pm").channels[STRENGTH]
        assert (current.policy, current.combiner) == (LearningMethod.PLAN, Combiner.MOST_SPECIFIC)
        assert {spec.policy for spec in load_specs("pm", Version.objects.get(is_active=True).number)} <= {
            LearningMethod.PLAN
        }

    def test_then_goes_on_ramping_from_where_it_stands_when_refreshed_under_a_mandate(
        self, author: User, reviewer: User
    ) -> None:
        """Fresh statistics a day and a half later change neither the value served at that moment nor its pace."""
        record_phases()
        build()
        put_into_force(switch(author), reviewer, NOW)
        set_mode("on")
        line = lesson_of("Good").line_id
        noon = NOW + 1.5 * DAY
        before_refresh = ask("Good", "micro", noon)
        (before,) = [each for each in before_refresh.record.contributions if each["line"] == line]

        record_phases(5, at=noon, seed=2, prefix="later")
        build(noon)
        published = publish_what_mandates_cover(module="pm", now=noon)

        assert published is not None
        membership = in_force()[line]
        assert (membership.from_version, membership.path_since) == (Version.objects.get(is_active=True).number, noon)
        assert membership.path_from is not None
        assert math.log(membership.path_from["size_mult"]) == pytest.approx(1.5 * math.log(1.02), abs=1e-12)
        (after,) = [each for each in ask("Good", "micro", noon).record.contributions if each["line"] == line]
        assert after["parts"]["size_mult"] == pytest.approx(before["parts"]["size_mult"], abs=1e-12)
        later = ask("Good", "micro", noon + DAY)
        (a_day_later,) = [each for each in later.record.contributions if each["line"] == line]
        assert a_day_later["parts"]["size_mult"] == pytest.approx(2.5 * math.log(1.02), abs=1e-12)

    def test_then_carries_what_an_hour_moved_a_little_once_a_day(self, author: User, reviewer: User) -> None:
        record_phases()
        build()
        put_into_force(switch(author), reviewer, NOW)
        known = lesson_of("Good").stats["edge_raw"]

        record_phases(1, at=NOW + HOUR, seed=2, prefix="soon")
        build(NOW + HOUR)

        assert lesson_of("Good").stats["edge_raw"] != known
        assert publish_what_mandates_cover(module="pm", now=NOW + HOUR) is None


def ran(policy: LearningMethod) -> None:
    """Record a run of the method's builder; the test makes the lessons itself."""
    BuilderRun.objects.create(
        module="pm", policy=policy, as_of=NOW, parameters={}, baseline={}, n_cells=0, n_candidates=0, n_active=0,
        n_withdrawn=0, code_version="test",
    )  # fmt: skip


def lesson_of(phase: str) -> Lesson:
    return Lesson.objects.get(policy="evidence", scope={"macro_phase": phase})


@pytest.mark.django_db
class TestSwitchTo:
    def test_says_what_would_leave_and_come(self, author: User) -> None:
        make_lesson(policy="evidence", scope={"bucket": "large"})
        make_lesson(policy="evidence", scope={"bucket": "nano"}, status="too_light")
        make_lesson({"size_mult": 0.9}, policy="plan", scope={"bucket": "mid"})
        ran(LearningMethod.EVIDENCE)
        publish(make_spec())

        found = switch_to(module="pm", channel=STRENGTH, policy=LearningMethod.EVIDENCE, at=NOW)

        assert [spec.scope for spec in found.coming.values()] == [{"bucket": "large"}]
        assert (dict(found.leaving), found.by_people) == ({make_spec().line: "person"}, 1)
        assert found.verified == 1  # .8 R on 40 trades of variance .5

    def test_leaves_out_what_a_veto_stands_on(self, operator: User) -> None:
        lesson = make_lesson(policy="evidence")
        ran(LearningMethod.EVIDENCE)
        publish(parameters=evidence_parameters())
        publish(make_spec(policy="evidence"))
        veto_line(line_id=lesson.line_id, by=operator, reason="never", at=NOW)
        publish(parameters=ModuleParameters.default("pm"))

        assert not switch_to(module="pm", channel=STRENGTH, policy=LearningMethod.EVIDENCE, at=NOW).coming

    @pytest.mark.parametrize(
        ("over", "message"),
        [
            ({"channel": Channel.DM_ALLOC}, "channel: dm_alloc is none of pm; its channels are pm_strength, pm_tuning"),
            ({"policy": LearningMethod.PLAN}, "policy: pm_strength is of policy plan already"),
            (
                {"channel": Channel.PM_TUNING, "combiner": Combiner.EVIDENCE},
                "combiner: policy evidence goes with plan, not with evidence",
            ),
            ({"combiner": Combiner.PLAN}, "combiner: policy evidence goes with evidence, not with plan"),
            ({}, "policy: no lessons of evidence have been built for pm yet; its builder runs every hour"),
        ],
    )
    def test_refuses_by_the_name_of_the_field(self, author: User, over: dict[str, Any], message: str) -> None:
        with pytest.raises(GateError) as refused:
            switch(author, **over)

        assert str(refused.value).startswith(message)
        assert not ChangeRequest.objects.exists()

    def test_drafts_once(self, author: User) -> None:
        ran(LearningMethod.EVIDENCE)
        first = switch(author)

        with pytest.raises(GateError, match=f"request {first.pk} asks for the same already"):
            switch(author)

    def test_needs_somebody_who_may_change_parameters(self, reviewer: User) -> None:
        ran(LearningMethod.EVIDENCE)

        with pytest.raises(GateError, match="ask a parameter admin"):
            switch(reviewer)

    def test_knows_the_other_policy_of_a_channel(self) -> None:
        current = ModuleParameters.default("pm")

        assert other_policy(current, STRENGTH) is LearningMethod.EVIDENCE
        assert other_policy(evidence_parameters(), STRENGTH) is LearningMethod.PLAN


@pytest.mark.django_db
class TestTheGateOfStrength:
    """No way leads to the evidence method where what it believed did not come true, or was not measured."""

    @pytest.fixture
    def served_once(self, strength: MethodStrength) -> int:
        """The number of a version that served the evidence method while it was fit to; the plan is served since."""
        number = publish(parameters=evidence_parameters()).number
        publish(parameters=ModuleParameters.default("pm"))
        return number

    @pytest.fixture(params=["not measured", "nothing came true"])
    def words(self, request: Any, strength: MethodStrength, served_once: int) -> str:
        strength.delete()
        if request.param == "not measured":
            return "is not measured yet"
        make_strength(0.1, 0.9, 0.1)
        return "10 % (95 % \u221210 % to 30 %) came true by 2026-03-02 12:00 UTC, on 1,200 decisions"

    def test_refuses_the_draft_by_page_and_by_command(self, proposer: User, words: str) -> None:
        ran(LearningMethod.EVIDENCE)

        assert words in page(browser_of(proposer), PAGE)
        browser_of(proposer).post(PAGE, {"reason": "it earned more"})
        with pytest.raises(CommandError, match=re.escape(words)):
            call_command("switch_policy", "pm_strength", "evidence", "--reason", "it earned more", "--by", "proposer")
        assert not ChangeRequest.objects.filter(state__in=ChangeRequest.OPEN).exists()

    def test_refuses_every_other_draft_when_it_is_to_be_agreed_or_applied(
        self, proposer: User, reviewer: User, words: str, served_once: int
    ) -> None:
        """Parameters by the API or the module's page, and a version brought back, reach the same gates."""
        by_hand = draft_request(
            module="pm", kind="parameters", title="by hand", reason="quietly", author=proposer, author_name="proposer",
            at=NOW, content=evidence_parameters().to_document(),
        )  # fmt: skip
        brought_back = draft_request(
            module="pm", kind="rollback", title="back", reason="it was better", author=proposer,
            author_name="proposer", at=NOW, content={"to": served_once},
        )  # fmt: skip

        for request in (by_hand, brought_back):
            with pytest.raises(GateError, match=re.escape(words)) as refused:
                approve(request_id=request.pk, by=reviewer, at=NOW)
            assert "method_not_ready" in {gate.name for gate in refused.value.gates}

    def test_refuses_to_apply_what_was_approved_before_it_turned(
        self, author: User, reviewer: User, strength: MethodStrength
    ) -> None:
        ran(LearningMethod.EVIDENCE)
        request = switch(author)
        approve(request_id=request.pk, by=reviewer, at=NOW)
        make_strength(0.0, 0.0, 0.1, as_of=NOW + DAY, asked_at=NOW + DAY)

        with pytest.raises(GateError, match="less than 50 % at best"):
            apply_request(request_id=request.pk, by=reviewer, at=NOW + DAY)

        assert current_parameters("pm").channels[STRENGTH].policy is LearningMethod.PLAN

    def test_lets_a_trial_and_the_way_back_pass(self, author: User, reviewer: User, strength: MethodStrength) -> None:
        build()
        publish(parameters=evidence_parameters())
        BuilderRun.objects.update(strength=None)
        strength.delete()

        put_into_force(switch(author, policy=LearningMethod.PLAN, combiner=Combiner.PLAN), reviewer, NOW)

        assert unready_method("pm", LearningMethod.EVIDENCE, NOW) is not None
        assert current_parameters("pm").channels[STRENGTH].policy is LearningMethod.PLAN
        trial = draft_trial(
            module="pm", choices={STRENGTH: (LearningMethod.EVIDENCE, Combiner.EVIDENCE)}, author=author,
            reason="see it first", at=NOW,
        )  # fmt: skip
        approve(request_id=trial.pk, by=reviewer, at=NOW)

    def test_counts_what_was_known_then_alone(self, author: User, strength: MethodStrength) -> None:
        strength.delete()
        ran(LearningMethod.EVIDENCE)
        make_strength(as_of=NOW + DAY, asked_at=NOW + DAY)

        with pytest.raises(GateError, match="not measured yet"):
            switch(author)

        assert switch(author, NOW + DAY).pk


@pytest.mark.django_db
class TestItsDoors:
    def test_a_page_shows_what_it_would_do_and_drafts_it(self, proposer: User) -> None:
        record_phases()
        build()
        publish(make_spec())
        browser = browser_of(proposer)
        modes = page(browser, "/admin/overrides/modulemode/pm/change/")
        for channel in ("pm_strength", "pm_tuning"):
            assert f'<a href="{PAGE}?channel={channel}">Change {channel} to method evidence…</a>' in modes

        text = page(browser, PAGE)
        assert 'Lines withdrawn</dt><dd><span class="cw-num">1</span>, 1 of them by people' in text
        assert "verified" in text
        response = browser.post(PAGE, {"reason": "it earned more"})

        request = ChangeRequest.objects.get(kind="parameters")
        assert response["Location"] == f"/admin/overrides/changerequest/{request.pk}/change/"
        assert (request.author, request.reason) == (proposer, "it earned more")
        assert page(browser, response["Location"])

    def test_the_page_says_what_is_missing(self, proposer: User) -> None:
        assert "No lessons of evidence have been built for pm yet" in page(browser_of(proposer), PAGE)

    def test_the_page_asks_for_a_reason_and_for_those_who_may(self, proposer: User, author: User) -> None:
        record_phases()
        build()

        assert "say why" in browser_of(proposer).post(PAGE, {"reason": " "}).content.decode()
        assert browser_of(author).get(PAGE).status_code == 403
        assert browser_of(proposer).get(PAGE.replace("/pm/", "/am/")).status_code == 404
        assert not ChangeRequest.objects.exists()

    def test_the_page_costs_few_queries(self, proposer: User, django_assert_max_num_queries: Any) -> None:
        record_phases()
        build()
        browser = browser_of(proposer)

        with django_assert_max_num_queries(12):
            browser.get(PAGE)

    def test_a_command_drafts_it_in_somebody_s_name(self, author: User, capsys: pytest.CaptureFixture[str]) -> None:
        record_phases()
        build()
        arguments = ["switch_policy", "pm_strength", "evidence", "--reason", "it earned more", "--by"]

        call_command(*arguments, "author")

        request = ChangeRequest.objects.get(kind="parameters")
        assert request.author == author
        assert capsys.readouterr().out.startswith(f"request {request.pk}: Learning method of pm_strength → evidence: ")
        with pytest.raises(CommandError, match="--by: there is nobody named nobody"):
            call_command(*arguments, "nobody")
        with pytest.raises(CommandError, match="asks for the same already"):
            call_command(*arguments, "author")
