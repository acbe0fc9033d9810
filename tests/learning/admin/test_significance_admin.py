"""A module's evidence page: funnel, forest and twins, their tables as CSV, and who may request twins."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from learning.models import EdgeHistory, Lesson, NoiseTwin
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import NOW, draft, make_lesson, make_spec, publish
from tests.conftest import make_user
from tests.learning.charts.test_funnel import many
from tests.learning.core.significance.test_funnel import noise
from tests.learning.opinions import TESTED, make_evidence_lesson, make_run

pytestmark = pytest.mark.django_db

GOOD, DIP = {"macro_phase": "Good"}, {"macro_phase": "Dip"}
MOST_BYTES = 300_000


@pytest.fixture
def client() -> Client:
    return browser_of(make_user("looks"))


def shown(client: Client, query: str = "?policy=evidence", module: str = "pm") -> str:
    return page(client, reverse("admin:learning_builderrun_evidence", args=[module]) + query)


def words(text: str) -> str:
    """Return the visible text of a page."""
    return re.sub(r" (?=[,.;:)])", "", re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)))


def table(client: Client, name: str, query: str = "?policy=evidence") -> list[dict[str, str]]:
    answer = client.get(reverse(f"admin:learning_builderrun_{name}", args=["pm"]) + query)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))  # type: ignore[attr-defined]


def make_twin(seed: int, count: int | None, **over: Any) -> NoiseTwin:
    fields: dict[str, Any] = {
        "key": f"{seed}", "content": "c", "module": "pm", "policy": "evidence", "as_of": NOW, "found": 7,
        "status": "running" if count is None else "done", "asked_at": NOW, "seen_at": NOW,
    }  # fmt: skip
    return NoiseTwin.objects.create(seed=seed, count=count, **fields | over)


class TestFunnel:
    def test_counts_what_was_fitted_verified_and_expected_to_be_false(self, client: Client) -> None:
        run = make_run(tested={**TESTED, "total": 13_486})
        make_evidence_lesson(1, scope=GOOD, weight=0.4, run=run)
        make_evidence_lesson(2, scope=DIP, weight=0.3, run=run)

        text = words(shown(client))

        assert "13,486 cells fitted, 2 verified" in text
        assert "Their false sign rates assume that the model fits" in text  # no twin has been counted
        assert "Not compared with noise yet: 2 verified lessons were found in 13,486 tested cells" in text
        assert f"n = 13,486 cells, as of 2026-03-02 12:00 UTC, run {run.pk}" in text
        assert "Drawn are the 4 farthest from no edge" in text

    def test_marks_the_verified_and_leads_to_their_lessons(self, client: Client) -> None:
        run = make_run()
        lesson = make_evidence_lesson(1, scope=GOOD, run=run)
        make_evidence_lesson(2, scope=DIP, stats={"verified": False}, run=run)

        text = shown(client)

        assert text.count('class="cw-spot"') == 1
        assert f'<a href="/admin/learning/lesson/{lesson.pk}/change/" aria-label="{lesson}">' in text

    def test_of_policy_plan_says_what_chance_alone_would_do(self, client: Client) -> None:
        make_run("plan", tested={**many(2000, seed=5), "emitted": [0] * 2000})

        text = words(shown(client, "?policy=plan"))

        assert "2,000 cells tested, 0 act" in text
        assert re.search(r"One cell in twenty lies outside by chance: about 100 of 2,000; \d+ do\.", text)

    def test_is_of_the_policy_in_force_where_none_is_named(self, client: Client) -> None:
        make_run("plan")
        assert "policy plan" in words(shown(client, "?policy=unknown"))

    def test_tells_every_cell_as_csv(self, client: Client) -> None:
        make_run()

        rows = table(client, "funnel")

        assert [float(row["raw"]) for row in rows] == TESTED["raw"]
        assert rows[2] == {
            "cells": "1", "n": "90", "raw": "0.6", "se": "0.2", "precision": "5.0", "shrunk": "0.3", "emitted": "1",
        }  # fmt: skip

    def test_counts_every_cell_though_few_are_told_one_by_one(self, client: Client) -> None:
        make_run("plan", tested=noise(3000).to_document(most=100))

        text = words(shown(client, "?policy=plan"))

        assert "n = 3,000 cells" in text
        assert "Drawn are" not in text
        assert "100 cells one by one" in text
        assert sum(int(row["cells"]) for row in table(client, "funnel", "?policy=plan")) == 3000

    def test_says_what_fills_it(self, client: Client) -> None:
        assert "The builder has not run for pm with the evidence method yet." in shown(client)
        make_run(tested=None)
        assert "What was tested is kept from the builder's next run on." in shown(client)
        assert table(client, "funnel") == []
        make_run(tested={name: [] for name in TESTED if name != "total"} | {"total": 0})
        assert "found no cell with enough trades to test" in shown(client)


class TestForest:
    def test_shows_measured_and_believed_with_intervals_parent_and_exaggeration(self, client: Client) -> None:
        run = make_run()
        make_evidence_lesson(2, 0.1, scope={}, run=run)
        make_evidence_lesson(1, 0.2, scope=GOOD, run=run)

        text = words(shown(client))

        assert "Lessons that act: 2" in text
        assert "+0.600 0.40 to 0.80 +0.200 0.10 to 0.30 0.100 90 0.010 3.0 \N{MULTIPLICATION SIGN}" in text

    def test_leads_to_the_override_in_force_and_to_open_requests(self, client: Client) -> None:
        run, spec = make_run(), make_spec({"size_mult": 1.1}, scope=GOOD)
        make_lesson(scope=GOOD, run=run, first_run=run)
        publish(spec)
        request = draft(make_spec({"size_mult": 1.2}, scope=GOOD))
        make_run("plan")

        text = shown(client, "?policy=plan")

        assert f'<a href="/admin/overrides/override/{spec.id}/change/">in force</a>' in text
        assert f'<a href="/admin/overrides/changerequest/{request.pk}/change/">request {request.pk}</a>' in text

    def test_is_sorted_and_paged_as_asked(self, client: Client) -> None:
        run = make_run()
        for rank in range(1, 31):
            make_evidence_lesson(rank, 0.1, scope={"bucket": f"b{rank:02}"}, stats={"n": rank}, run=run)

        first, second = shown(client), shown(client, "?policy=evidence&page=2")
        by_trades = shown(client, "?policy=evidence&sort=n")

        assert re.findall(r"<b>(b\d\d)</b>", first) == [f"b{rank:02}" for rank in range(1, 26)]
        assert re.findall(r"<b>(b\d\d)</b>", second) == [f"b{rank}" for rank in range(26, 31)]
        assert re.findall(r"<b>(b\d\d)</b>", by_trades)[:2] == ["b30", "b29"]
        assert 'href="?policy=evidence&amp;sort=n&amp;page=2#cw-forest"' in by_trades
        assert "page 2 of 2" in words(shown(client, "?policy=evidence&page=99"))

    def test_shows_what_is_too_light_to_act_when_asked(self, client: Client) -> None:
        make_evidence_lesson(1, scope=GOOD, status="too_light", run=make_run())

        assert "None acts under the evidence method." in shown(client)
        assert "too light to act</span>" in shown(client, "?policy=evidence&all=1")

    def test_tells_every_lesson_as_csv_whatever_the_page(self, client: Client) -> None:
        run = make_run()
        for rank in range(1, 31):
            make_evidence_lesson(rank, 0.1, scope={"bucket": f"=b{rank}"}, run=run)

        rows = table(client, "forest", "?policy=evidence&page=2")

        assert [int(row["rank"]) for row in rows] == list(range(1, 31))
        assert rows[0]["scope"] == '{"bucket":"=b1"}'
        row = {name: float(rows[0][name]) for name in ("raw", "shrunk", "low", "high", "lfsr", "exaggeration")}
        assert row == {
            "raw": pytest.approx(0.3), "shrunk": 0.1, "low": pytest.approx(0.002), "high": pytest.approx(0.198),
            "lfsr": 0.01, "exaggeration": pytest.approx(3.0),
        }  # fmt: skip


class TestTwins:
    def test_are_dots_beside_what_was_found(self, client: Client) -> None:
        make_run()
        for seed, count in enumerate([0, 1, 1], start=1):
            make_twin(seed, count)
        make_twin(9, 40, content="older", asked_at=NOW - timedelta(days=1))

        text = shown(client)

        assert "Noise twins: 7 verified lessons found, up to 1 in 3 sets of shuffled outcomes" in words(text)
        assert text.count('class="cw-twin"') == 3
        assert "found: 7</text>" in text
        assert [(row["seed"], row["count"]) for row in table(client, "twins")] == [("1", "0"), ("2", "1"), ("3", "1")]

    def test_show_how_far_they_are(self, client: Client) -> None:
        make_run()
        make_twin(1, None, progress=0.5)

        text = shown(client)

        assert '<progress value="0.500" max="1" aria-label="share of twin 1 counted">' in text
        assert "Look again" in text

    def test_are_asked_for_by_an_operator_or_who_drafts_requests(self, client: Client) -> None:
        make_run()
        address = reverse("admin:learning_noisetwin_again", args=["pm"])

        assert "Count twins</button>" not in shown(client)
        assert client.post(address, {"policy": "evidence"}).status_code == 403
        asks = browser_of(make_user("drafts", "overrides.add_changerequest"))
        assert "Count twins</button>" in shown(asks)
        answer = asks.post(address, {"policy": "evidence"})

        assert answer["Location"] == "/admin/learning/builderrun/pm/evidence/?policy=evidence#cw-twin"
        assert NoiseTwin.objects.filter(policy="evidence", status="waiting").count() == 5

    def test_say_what_counts_them(self, client: Client) -> None:
        make_run()
        assert "./dev manage noise_twin --module pm --policy evidence" in shown(client)


class TestPage:
    def test_refuses_who_may_not_look_and_modules_there_are_not(self) -> None:
        stranger = make_user("stranger")
        anybody = Client()
        anybody.force_login(stranger)
        address = reverse("admin:learning_builderrun_evidence", args=["pm"])

        assert anybody.get(address).status_code == 403
        assert anybody.get(reverse("admin:learning_builderrun_funnel", args=["pm"])).status_code == 403
        other = reverse("admin:learning_builderrun_evidence", args=["xx"])
        assert browser_of(make_user("looks")).get(other).status_code == 404

    def test_is_reached_from_the_first_page_and_the_modules(self, client: Client) -> None:
        for address in ("/admin/", reverse("admin:overrides_modulemode_change", args=["pm"])):
            assert 'href="/admin/learning/builderrun/pm/evidence/"' in page(client, address)

    def test_of_twenty_thousand_cells_and_five_hundred_lessons_is_small_and_asks_few_questions(
        self, client: Client, django_assert_max_num_queries: Any
    ) -> None:
        run = make_run(tested=many())
        one = make_evidence_lesson(1, run=run)
        lessons = [
            Lesson(
                **{field.name: getattr(one, field.name) for field in Lesson._meta.concrete_fields if field.name != "id"}
            )
            for _ in range(499)
        ]
        for rank, lesson in enumerate(lessons, start=2):
            lesson.line_id, lesson.stats = f"{rank:064}", one.stats | {"rank": rank}
            lesson.scope, lesson.n_dims = {"bucket": f"b{rank}"}, 1
        Lesson.objects.bulk_create(lessons)
        make_twin(1, 3)

        with django_assert_max_num_queries(MOST_QUERIES):
            text = shown(client)

        assert len(text.encode()) < MOST_BYTES


class TestLessonsPage:
    def grown(self, *edges: float, **over: Any) -> Lesson:
        lesson = make_evidence_lesson(1, 0.3, scope=GOOD, run=make_run(), **over)
        for week, edge in enumerate(edges):
            monday = date(2025, 11, 3) + timedelta(weeks=week)
            EdgeHistory.objects.create(lesson=lesson, week=monday, n=25, mean=edge + 0.1, edge_raw=edge)
        return lesson

    def test_shows_the_edge_inside_an_interval_for_every_look(self, client: Client) -> None:
        lesson = self.grown(*[0.6] * 16)

        text = page(client, reverse("admin:learning_lesson_change", args=[lesson.pk]))

        assert "+0.600 R over 400 trades, 95 % " in words(text).replace("\N{NO-BREAK SPACE}", " ")
        assert "clear of zero" in text
        assert "all patterns 20 % its pattern, whatever the action 30 % itself 50 %" in words(text)
        assert "A t-interval is not shown" in text
        assert 'class="cw-claim"' in text
        assert 'class="cw-recent"' in text

    def test_says_where_zero_is_inside(self, client: Client) -> None:
        lesson = self.grown(0.2, -0.1)
        assert "not statistically different from zero" in page(
            client, reverse("admin:learning_lesson_change", args=[lesson.pk])
        )

    def test_tells_its_weeks_with_their_interval_as_csv(self, client: Client) -> None:
        lesson = self.grown(1.0, 0.2)

        answer: Any = client.get(reverse("admin:learning_lesson_edge", args=[lesson.pk]))
        first, second = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))

        assert (first["week"], second["n_so_far"]) == ("2025-11-03", "50")
        assert float(second["mean"]) == pytest.approx(0.6)
        assert float(second["high"]) - float(second["low"]) < float(first["high"]) - float(first["low"])
        assert np.isclose(float(second["high"]) - 0.6, 0.6 - float(second["low"]))

    def test_says_what_fills_it(self, client: Client) -> None:
        kept = page(client, reverse("admin:learning_lesson_change", args=[self.grown().pk]))
        assert "Its weeks are kept from the builder's next run on." in kept
