"""One verdict: the noise twins' count and every page's badges agree, over noise, a signal, and the demo's trades."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from config.demo.backtest.closed_trades import demo_trades
from config.demo.bot import plan_of
from config.demo.market.archive import load
from learning.core.significance.verdict import Verdict
from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_lessons
from learning.models import Lesson
from learning.proposals.materialize import materialize
from learning.validation.noise_twin_runs import count_twins
from learning.validation.run_evidence import RunEvidence, run_evidence
from learning.validation.walk_forward_runs import CHOICES, walk_forward
from overrides.core.engine.definitions.vocabulary import Combiner, LearningMethod
from telemetry.core.trades import parse_trade
from telemetry.recording.record_trades import record_trades
from tests.admin_pages import browser_of, page
from tests.builders import NOW, come_true, make_trades, publish
from tests.conftest import make_user
from tests.learning.phases import evidence_parameters, record_phases

pytestmark = pytest.mark.django_db
PLAN, EVIDENCE = LearningMethod.PLAN, LearningMethod.EVIDENCE
CLAIMS = {"verified", "clear of zero", "edge"}  # what a green badge may say of a lesson or its run


def record_noise() -> None:
    """Record trades whose outcomes say nothing about their scopes."""
    random = np.random.default_rng(11)
    for phase in ("Good", "Dip"):
        for bucket in ("micro", "large"):
            outcomes = random.normal(0.1, 1.5, 60).round(3).tolist()
            scope = {"macro_phase": phase, "bucket": bucket}
            record_trades(make_trades(outcomes, scope=scope, prefix=f"{phase} {bucket} "), now=NOW)
    aggregate_dirty(now=NOW)


def record_signal() -> None:
    """Record trades whose outcomes depend on their scopes."""
    record_phases(120)


WORLDS: dict[str, Callable[[], None]] = {"noise": record_noise, "signal": record_signal}


def learn(policy: LearningMethod, module: str = "pm", *, walks: bool = True) -> RunEvidence:
    """Build the lessons of a method, count its twins and walk it forward; return the verdict on it."""
    build_lessons(module=module, policy=policy, now=NOW)
    count_twins(module=module, policy=policy, now=NOW)
    if walks:
        served = [each for each in CHOICES if each.policy is policy and each.combiner is not Combiner.MOST_SPECIFIC]
        walk_forward(module=module, choices=served, now=NOW)
    return run_evidence(module, policy)


def claims(text: str) -> set[str]:
    """Return what the green badges of a page claim."""
    return CLAIMS & set(re.findall(r'<span class="cw-badge cw-good">([^<]*)</span>', text))


def pages(module: str, policy: LearningMethod) -> Iterator[str]:
    """Yield the addresses of the pages that show lessons of a method."""
    yield f"{reverse('admin:learning_builderrun_evidence', args=[module])}?policy={policy}"
    yield f"{reverse('admin:learning_lesson_changelist')}?module__exact={module}&policy={policy}"
    for lesson in Lesson.objects.filter(module=module, policy=policy).order_by("-weight")[:3]:
        yield reverse("admin:learning_lesson_change", args=[lesson.pk])


def refuse_contradictions(evidence: RunEvidence, shown: list[str]) -> None:
    voices = evidence.voices
    if voices.twins and voices.found <= max(voices.twins):
        assert evidence.verdict is Verdict.NOISE
    for text in shown:
        assert evidence.allows_green or not claims(text)


@pytest.fixture
def quant(db: None) -> User:
    names = ("view_builderrun", "view_lesson", "view_noisetwin", "view_walkforward")
    of_requests = ("view_changerequest", "add_changerequest", "review_changerequest")
    return make_user("quant", *(f"learning.{name}" for name in names), *(f"overrides.{name}" for name in of_requests))


@pytest.mark.parametrize("policy", LearningMethod)
@pytest.mark.parametrize("world", WORLDS)
class TestPlanted:
    def learn(self, world: str, policy: LearningMethod) -> RunEvidence:
        if policy is EVIDENCE:
            publish(parameters=evidence_parameters())
        WORLDS[world]()
        return learn(policy)

    def test_is_told_for_what_it_is(self, world: str, policy: LearningMethod) -> None:
        evidence = self.learn(world, policy)

        expected = Verdict.EDGE if world == "signal" else Verdict.NOISE
        assert evidence.verdict is expected, evidence.sentence

    def test_is_never_contradicted_by_a_badge(self, world: str, policy: LearningMethod, quant: User) -> None:
        evidence = self.learn(world, policy)
        browser = browser_of(quant)

        shown = [page(browser, address) for address in pages("pm", policy)]

        refuse_contradictions(evidence, shown)
        assert html.escape(evidence.sentence) in shown[0]
        assert all(evidence.sentence in html.unescape(text) for text in shown[2:])
        assert any(map(claims, shown)) is (world == "signal")

    def test_opens_the_request_that_rests_on_it(self, world: str, policy: LearningMethod, quant: User) -> None:
        evidence = self.learn(world, policy)
        request = materialize(module="pm", now=NOW)
        if request is None:
            assert not Lesson.objects.filter(status="active").exists()
            return

        text = page(browser_of(quant), reverse("admin:overrides_changerequest_change", args=[request.pk]))

        refuse_contradictions(evidence, [text])
        assert evidence.sentence in html.unescape(text)
        assert text.index('id="cw-decision"') < text.index('id="cw-changes"') < text.index('id="cw-evidence"')


class TestSwitch:
    def test_shows_the_verdict_on_the_method_it_switches_to(self, quant: User) -> None:
        record_noise()
        publish()
        come_true()
        evidence = learn(EVIDENCE)

        text = page(browser_of(quant), reverse("admin:learning_builderrun_switch_policy", args=["pm"]))

        refuse_contradictions(evidence, [text])
        assert evidence.sentence in html.unescape(text)


class TestDemo:
    """The demo's real bars and textbook rules, as far as their first three months."""

    @pytest.fixture
    def demo(self, db: None) -> None:
        payloads: list[dict[str, Any]] = demo_trades(load())
        first = min(each["opened_at"] for each in payloads)
        chosen = sorted(map(plan_of, payloads), key=lambda plan: plan.known_at)[:1500]
        moment = chosen[-1].known_at
        assert first < chosen[-1].payload["closed_at"]
        record_trades([parse_trade(plan.payload, now=moment) for plan in chosen], now=moment)
        aggregate_dirty(now=moment)

    @pytest.mark.usefixtures("demo")
    def test_has_no_page_that_contradicts_the_twins(self, quant: User) -> None:
        browser = browser_of(quant)
        for module in ("dm", "pm"):
            for policy in LearningMethod:
                evidence = learn(policy, module, walks=False)
                assert len(evidence.voices.twins) == 5

                refuse_contradictions(evidence, [page(browser, address) for address in pages(module, policy)])
