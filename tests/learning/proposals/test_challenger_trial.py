"""A challenger trial, end to end: from the lessons of another learning method to the challenger."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from learning.proposals.challenger_trial import draft_trial
from overrides.core.engine.definitions.vocabulary import Channel, Combiner, LearningMethod
from overrides.core.governance.errors import GateError
from overrides.models import ChangeRequest, ModuleMode, Version
from overrides.requests.emergency import veto_line
from overrides.versions.load_version import current_parameters, load_specs
from tests.admin_pages import browser_of, page
from tests.builders import NOW, approve_and_apply, make_lesson, make_spec, publish
from tests.conftest import make_user
from tests.learning.proposals.test_switch_method import ran

EVIDENCE = (LearningMethod.EVIDENCE, Combiner.EVIDENCE)
PAGE = "/admin/learning/builderrun/pm/trial/"


@pytest.fixture
def proposer(db: None) -> User:
    return make_user(
        "proposer", "overrides.add_changerequest", "overrides.propose_parameters", "learning.view_builderrun"
    )


def draft(author: User, choices: Any = None) -> ChangeRequest:
    chosen = {Channel.PM_STRENGTH: EVIDENCE} if choices is None else choices
    return draft_trial(module="pm", choices=chosen, author=author, reason="see it first", at=NOW)


@pytest.fixture
def learned(db: None) -> str:
    """Make a plan override in force, and an evidence lesson with its line."""
    publish(make_spec())
    ran(LearningMethod.EVIDENCE)
    return make_lesson(policy="evidence").line_id


def test_its_version_holds_what_the_lessons_ask_for_and_what_is_live_stays(learned: str, proposer: User) -> None:
    approve_and_apply(draft(proposer))

    tried = Version.objects.get(kind="trial")
    assert [spec.line for spec in load_specs("pm", tried.number)] == [learned]
    assert [spec.policy for spec in load_specs("pm", tried.number + 1)] == [LearningMethod.PLAN]
    assert current_parameters("pm").channels[Channel.PM_STRENGTH].policy is LearningMethod.PLAN
    assert ModuleMode.objects.get(module="pm").challenger == tried


def test_another_combiner_alone_keeps_the_lines(learned: str, proposer: User) -> None:
    request = draft(proposer, {Channel.PM_STRENGTH: (LearningMethod.PLAN, Combiner.MOST_SPECIFIC)})

    assert not request.lines.exists()
    approve_and_apply(request)
    assert [spec.line for spec in load_specs("pm", 2)] == [make_spec().line]


def test_leaves_out_what_is_vetoed(learned: str, proposer: User, reviewer: User) -> None:
    approve_and_apply(draft(proposer))
    lowerer = make_user("lowerer", "overrides.lower_modulemode")
    veto_line(line_id=learned, by=lowerer, reason="never", at=NOW)

    assert learned not in draft(proposer).lines.values_list("line_id", flat=True)


@pytest.mark.parametrize(
    ("choices", "why"),
    [
        ({}, "channels: this is what is live"),
        ({Channel.DM_ALLOC: EVIDENCE}, "channel: dm_alloc is none of pm"),
        ({Channel.PM_TUNING: EVIDENCE}, "pm_tuning: policy evidence does not go with combiner evidence there"),
        (
            {Channel.PM_STRENGTH: (LearningMethod.EVIDENCE, Combiner.PLAN)},
            "does not go with combiner plan there; choose plan",
        ),
    ],
)
def test_refuses_what_is_no_trial(learned: str, proposer: User, choices: Any, why: str) -> None:
    with pytest.raises(GateError, match=why):
        draft(proposer, choices)


def test_refuses_a_policy_whose_lessons_nobody_has_built(proposer: User) -> None:
    publish(make_spec())

    with pytest.raises(GateError, match="policy: no lessons of evidence have been built for pm yet"):
        draft(proposer)


def test_is_for_those_who_may_set_parameters(learned: str) -> None:
    author = make_user("author", "overrides.add_changerequest", "learning.view_builderrun")

    with pytest.raises(GateError, match="you may not draft requests of kind trial"):
        draft(author)
    sent = {"pm_strength": "evidence/evidence", "pm_tuning": "plan/plan", "reason": "see it first"}
    assert "you may not draft requests of kind trial" in browser_of(author).post(PAGE, sent).content.decode()
    assert browser_of(make_user("nobody", "learning.view_builderrun")).get(PAGE).status_code == 403


def test_form_drafts_it(learned: str, proposer: User) -> None:
    browser = browser_of(proposer)
    assert "Draft the trial" in page(browser, PAGE)

    browser.post(PAGE, {"pm_strength": "evidence/evidence", "pm_tuning": "plan/plan", "reason": "see it first"})

    request = ChangeRequest.objects.get(kind="trial")
    assert request.title == "Shadow trial on pm_strength: learning method evidence, combiner evidence"
    assert request.state == "in_review"


def test_form_says_why_it_cannot(learned: str, proposer: User) -> None:
    answer = browser_of(proposer).post(PAGE, {"pm_strength": "plan/plan", "pm_tuning": "plan/plan", "reason": "x"})

    assert "this is what is live" in answer.content.decode()
