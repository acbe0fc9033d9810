"""The evidence on a request's page: funnel, forest and edge histories of its lines, and the CSV."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from config.desk.request_evidence import MOST
from learning.models import EdgeHistory, Lesson, NoiseTwin
from learning.validation.walk_forward_runs import walk_forward
from overrides.models import ChangeRequest
from overrides.requests.kinds.kind import DraftLine
from overrides.versions.publish import store_override
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import NOW, draft, make_lesson, make_parameters, make_spec, publish
from tests.conftest import make_user
from tests.learning.admin.test_significance_admin import words
from tests.learning.opinions import make_evidence_lesson, make_run

pytestmark = pytest.mark.django_db

GOOD, DIP = {"macro_phase": "Good"}, {"macro_phase": "Dip"}
EVIDENCE = {"policy": "evidence", "combiner": "evidence"}


def shown(person: User, request: ChangeRequest) -> str:
    return page(browser_of(person), reverse("admin:overrides_changerequest_change", args=[request.pk]))


def evidence_spec(scope: dict[str, str], *, sd: float = 0.05) -> Any:
    promise = {"predicted": 0.2, "sd": sd, "mu0": 0.1, "s_p": 1.4}
    stats = {"edge_raw": 0.2, "n": 90}
    return make_spec({"size_mult": 1.2}, policy="evidence", scope=scope, promise=promise, stats=stats)


def make_request(*specs: Any, **over: Any) -> ChangeRequest:
    return draft(*specs, at=datetime.now(UTC), **over)


class TestOfPolicyEvidence:
    def request(self) -> ChangeRequest:
        publish(parameters=make_parameters(EVIDENCE))
        run = make_run()
        lesson = make_evidence_lesson(1, 0.2, scope=GOOD, run=run)
        for week in range(6):
            monday = date(2026, 1, 5) + timedelta(weeks=week)
            EdgeHistory.objects.create(lesson=lesson, week=monday, n=15, mean=0.7, edge_raw=0.6)
        return make_request(evidence_spec(GOOD), evidence_spec(DIP, sd=0.4))

    def test_counts_the_verified_and_the_wrong_signs_to_be_expected(self, reviewer: User) -> None:
        text = words(shown(reviewer, self.request()))

        assert "1 of 2 lines are verified by their own false sign rate. The rate assumes that the model fits" in text
        assert "no noise twin has checked that yet" in text
        assert "n = 4 cells tested by the evidence method, as of 2026-03-02 12:00 UTC" in text

    def test_draws_its_lines_their_intervals_and_how_they_grew(self, reviewer: User) -> None:
        request = self.request()

        text = shown(reviewer, request)

        assert text.count('class="cw-spot"') == 2
        assert text.count('class="cw-believed-dot"') == 2
        assert text.count('class="cw-thumbnail"') == 1
        assert "+0.600 0.40 to 0.80 +0.200 0.10 to 0.30 90 0.000 3.0" in words(text)
        assert ">by hand</span>" in text
        assert f'href="/admin/learning/lesson/{Lesson.objects.get().pk}/change/"' in text

    def test_says_what_the_noise_twin_found(self, reviewer: User) -> None:
        request = self.request()
        assert "no noise twin (the same search in shuffled outcomes) has been counted" in words(
            shown(reviewer, request)
        )
        for seed, count in ((1, 0), (2, 3)):
            NoiseTwin.objects.create(
                key=f"{seed}", content="c", module="pm", policy="evidence", seed=seed, as_of=NOW, found=8, count=count,
                status="done", asked_at=NOW, seen_at=NOW,
            )  # fmt: skip

        text = words(shown(reviewer, request))

        found = "8 verified lessons were found in 4 tested cells by the first run"
        twins = "the same search finds up to 3 in shuffled outcomes (2 noise twins)"
        assert f"Not decided: {found}, while {twins}, and no walk-forward has been run." in text

    def test_says_in_the_gate_how_sure_each_line_is(self, reviewer: User) -> None:
        assert "(0.31 on 90) move more than 2% and are not verified" in words(shown(reviewer, self.request()))

    def test_tells_every_line_as_csv(self, reviewer: User) -> None:
        request = self.request()

        answer: Any = browser_of(reviewer).get(reverse("request_evidence", args=[request.pk]))

        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
        by_scope = {row["scope"]: row for row in rows}
        good, dip = by_scope['{"macro_phase":"Good"}'], by_scope['{"macro_phase":"Dip"}']
        assert (good["verified"], dip["verified"]) == ("True", "False")
        assert (float(good["raw"]), float(good["shrunk"])) == pytest.approx((0.6, 0.2))
        assert float(dip["lfsr"]) == pytest.approx(0.3085, abs=1e-4)
        assert (good["lesson"], dip["lesson"]) == (str(Lesson.objects.get().pk), "")


class TestOfAChangeOfPolicy:
    def test_is_that_of_what_it_brings_though_what_it_withdraws_moves_most(self, reviewer: User) -> None:
        gone = make_spec({"size_mult": 1.3}, scope=DIP)
        publish(gone)
        make_run()
        added = [evidence_spec(GOOD), evidence_spec({"bucket": "mid"})]
        lines = [DraftLine(gone.line, None, ["withdrawn"])] + [
            DraftLine(each.line, store_override(each, source="person", at=NOW).id, ["new line"]) for each in added
        ]

        text = words(shown(reviewer, make_request(lines=lines)))

        assert "cells tested by the evidence method" in text
        assert "2 of 2 lines are verified" in text


class TestOfPolicyPlan:
    def test_shows_what_is_measured_and_no_shrinkage(self, reviewer: User) -> None:
        make_run("plan")
        make_lesson(scope=GOOD)

        text = shown(reviewer, make_request(make_spec(scope=GOOD)))

        assert "Not compared with noise yet: 1 lesson was found" in words(text)
        assert 'class="cw-believed-dot"' not in text
        assert "+0.800" in words(text)

    def test_says_first_that_noise_would_make_as_many_lessons(self, reviewer: User) -> None:
        make_run("plan")
        NoiseTwin.objects.create(
            key="1", content="c", module="pm", policy="plan", seed=1, as_of=NOW, found=54, count=50, status="done",
            asked_at=NOW, seen_at=NOW,
        )  # fmt: skip

        text = words(shown(reviewer, make_request(make_spec(scope=GOOD))))

        found = "54 lessons were found in 4 tested cells by the first run"
        twins = "the same search finds up to 50 in shuffled outcomes (1 noise twin)"
        assert text.count(f"Indistinguishable from noise: {found}, while {twins}") == 2  # first of all, and as evidence

    def test_works_before_the_builder_ran(self, reviewer: User) -> None:
        text = words(shown(reviewer, make_request(make_spec(scope=GOOD))))
        assert "The builder has not run under the plan method, so nothing was measured." in text

    def test_shows_the_lines_that_move_most_first_and_says_so(self, reviewer: User) -> None:
        make_run("plan")
        specs = [make_spec({"size_mult": 1.01 + number / 1000}, scope={"bucket": f"b{number}"}) for number in range(25)]

        text = shown(reviewer, make_request(*specs))

        assert text.count('class="cw-spot"') == MOST
        assert "The 20 lines that move most, of 25" in words(text)
        panel = text[text.index("cw-forest-table") :]
        assert re.findall(r"<b>(b\d+)</b>", panel)[:2] == ["b24", "b23"]


def test_costs_one_question_more_whatever_the_number_of_lines(
    reviewer: User, django_assert_max_num_queries: Any
) -> None:
    run = make_run("plan")
    scopes = [{"bucket": f"b{number}"} for number in range(60)]
    for scope in scopes:
        make_lesson(scope=scope, run=run, first_run=run)
    request = make_request(*(make_spec(scope=scope) for scope in scopes))
    browser, address = browser_of(reviewer), reverse("admin:overrides_changerequest_change", args=[request.pk])
    page(browser, address)  # warm up: each process looks up its tables once

    with django_assert_max_num_queries(MOST_QUERIES):
        page(browser, address)


class TestWalkForward:
    def test_is_told_as_of_the_newest_one_of_its_policy(self, reviewer: User) -> None:
        make_run("plan")
        request = make_request(make_spec(scope=GOOD))
        assert "no walk-forward has been run" in words(shown(reviewer, request))

        walk_forward(module="pm", now=NOW)

        assert "walk-forward as of 2026-03-02 12:00 UTC." in words(shown(reviewer, request))


class TestRefusals:
    def test_who_may_not_see_lessons_sees_none(self) -> None:
        request = make_request(make_spec(scope=GOOD))
        person = make_user("sees requests", "overrides.view_changerequest")
        browser = Client()
        browser.force_login(person)

        text = page(browser, reverse("admin:overrides_changerequest_change", args=[request.pk]))

        assert 'id="cw-evidence"' not in text
        assert browser.get(reverse("request_evidence", args=[request.pk])).status_code == 403

    def test_of_requests_there_are_not(self, reviewer: User) -> None:
        assert browser_of(reviewer).get(reverse("request_evidence", args=[999])).status_code == 404

    def test_requests_without_lines_have_no_evidence(self, reviewer: User) -> None:
        request = make_request(kind="mode", content={"mode": "on"}, lines=[])
        assert 'id="cw-evidence"' not in shown(reviewer, request)
