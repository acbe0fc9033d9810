"""A lesson's page: edge decay, history and counterfactuals, and the same as CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_lessons
from learning.models import Lesson
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from telemetry.recording.record_trades import record_trades
from tests.admin_pages import browser_of, page
from tests.builders import DAY, NOW, make_lesson, make_trades, publish
from tests.conftest import make_user
from tests.learning.levers import GAIN, UNSURE, make_lever_run, make_line

pytestmark = pytest.mark.django_db

GOOD, DIP = {"macro_phase": "Good"}, {"macro_phase": "Dip"}
MOST_QUERIES = 12


@pytest.fixture
def client() -> Client:
    return browser_of(make_user("looks"))


def learn(days: int = 60) -> None:
    """Make lessons on both channels of pm; waiting two bars would have earned .9 R more."""
    document = ModuleParameters.default("pm").to_document()
    for channel in document["channels"].values():
        channel["weights"]["min_total_weight"] = 0.0
    publish(parameters=ModuleParameters.from_document("pm", document))
    reported = {"counterfactuals": {"entry_delay_bars": {"2": 0.9}}}
    fading = [3.0 * 0.5 ** (day / 14) for day in range(days)]
    record_trades(make_trades(fading, scope=GOOD, prefix="g", **reported), now=NOW)  # type: ignore[arg-type]
    record_trades(make_trades([0.0] * days * 3, scope=DIP, prefix="d", per_day=3), now=NOW)
    aggregate_dirty(now=NOW)
    build_lessons(module="pm", now=NOW)
    record_trades(make_trades([0.5], scope=GOOD, prefix="next"), now=NOW)
    aggregate_dirty(now=NOW)
    build_lessons(module="pm", now=NOW + DAY)


def shown(client: Client, lesson: Lesson) -> str:
    return page(client, reverse("admin:learning_lesson_change", args=[lesson.pk]))


def table(client: Client, name: str, lesson: Lesson) -> list[dict[str, str]]:
    answer = client.get(reverse(f"admin:learning_lesson_{name}", args=[lesson.pk]))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


def lesson_of(channel: str) -> Lesson:
    return Lesson.objects.get(type=channel, scope=GOOD)


class TestHalfLife:
    def test_is_shown_with_its_weeks_and_where_half_is_left(self, client: Client) -> None:
        learn()
        lesson = lesson_of("pm_strength")

        text = shown(client, lesson)

        assert f"half left after {lesson.stats['half_life_days']:.0f} d" in text
        assert text.count('class="cw-week"') == lesson.edge_history.count() == lesson.stats["half_life"]["points"]
        assert "61</span> trades, as of" in text

    def test_tells_its_numbers_as_csv(self, client: Client) -> None:
        learn()
        lesson = lesson_of("pm_strength")

        rows = table(client, "weeks", lesson)

        stored = lesson.edge_history.values_list("n", "edge_raw")
        assert [(int(row["n"]), float(row["edge_raw"])) for row in rows] == list(stored)
        first, second = (float(row["curve"]) for row in rows[:2])
        assert second / first == pytest.approx(0.5 ** (7 / lesson.stats["half_life_days"]))

    def test_says_why_it_is_the_default(self, client: Client) -> None:
        learn(days=20)

        assert "because there are 3 of the 5 weeks with trades that a fit needs" in shown(
            client, lesson_of("pm_strength")
        )

    def test_of_a_policy_that_fits_none_is_told_as_it_is(self, client: Client) -> None:
        lesson = make_lesson(policy="evidence")
        lesson.edge_history.create(week=NOW.date(), n=4, mean=0.5, edge_raw=0.4)

        assert "for all lessons of this method alike" in shown(client, lesson)

    def test_says_what_fills_it(self, client: Client) -> None:
        assert "kept from the builder" in shown(client, make_lesson())
        assert "Weeks are kept of lessons that act; this one is too light to act" in shown(
            client, make_lesson(status="too_light", scope=DIP)
        )


class TestTrack:
    def test_shows_what_was_said_run_by_run(self, client: Client) -> None:
        learn()
        lesson = lesson_of("pm_strength")

        text = shown(client, lesson)

        assert "2 changes kept" in text
        rows = table(client, "track", lesson)
        assert [(row["at"], row["status"], row["n"]) for row in rows] == [
            ("2026-03-02T12:00:00+00:00", "active", "60.0"), ("2026-03-03T12:00:00+00:00", "active", "61.0"),
        ]  # fmt: skip

    def test_says_what_fills_it(self, client: Client) -> None:
        assert "the builder keeps what it says of a lesson from its next run on" in shown(client, make_lesson())


def test_a_tuning_lesson_says_what_would_have_been_better(client: Client) -> None:
    learn()

    text = shown(client, lesson_of("pm_tuning"))

    assert "entry_delay_bars 2" in text
    assert "+0.900" in text
    assert "What would have been better" not in shown(client, lesson_of("pm_strength"))


class TestLevers:
    def test_show_every_alternative_and_what_doing_nothing_would_have_earned(self, client: Client) -> None:
        make_lever_run([make_line()], alternatives={"entry_delay_bars": ["1", "2"]})
        lesson = make_lesson({"entry_delay_bars": 1.0}, policy="evidence", type="pm_tuning")

        text = shown(client, lesson)

        assert "entry_delay_bars: every alternative, over all trades" in text
        assert "evidence only" in text
        assert "doing nothing would have earned 0" in text

    def test_say_where_nothing_was_chosen(self, client: Client) -> None:
        still = replace(UNSURE, moved=0, gain=0.0, low=0.0, high=0.0, promised=0.0)
        make_lever_run([make_line()], walks={"entry_delay_bars": still})
        lesson = make_lesson({"entry_delay_bars": 1.0}, type="pm_tuning")

        assert "no alternative was sure enough to be chosen" in shown(client, lesson)

    def test_stand_beside_the_plans_own_table(self, client: Client) -> None:
        learn()
        make_lever_run([make_line()], walks={"entry_delay_bars": None})

        text = shown(client, lesson_of("pm_tuning"))

        assert "What would have been better" in text
        assert "Too few trades had told of it" in text

    def test_of_a_gate_are_shown_by_windows_and_by_trades(self, client: Client) -> None:
        make_lever_run(walks={"min_ts_for_add": GAIN}, by_windows={"min_ts_for_add": GAIN})
        lesson = make_lesson({"min_ts_for_add": 0.55}, policy="evidence", type="pm_tuning")

        text = shown(client, lesson)

        assert "min_ts_for_add: every alternative, over all windows of its gate" in text
        assert "min_ts_for_add: every alternative, over all trades" in text

    def test_are_left_out_where_nothing_was_measured(self, client: Client) -> None:
        make_lever_run([make_line()], alternatives={"entry_delay_bars": ["2"]})

        assert "every alternative" not in shown(client, make_lesson())


def test_a_page_costs_few_queries(client: Client, django_assert_max_num_queries: Any) -> None:
    learn()
    make_lever_run([make_line()], alternatives={"entry_delay_bars": ["1", "2"]})

    with django_assert_max_num_queries(MOST_QUERIES):
        shown(client, lesson_of("pm_tuning"))


@pytest.mark.parametrize("name", ["weeks", "track"])
def test_tables_are_for_those_who_may_look(name: str) -> None:
    lesson = make_lesson()
    address = reverse(f"admin:learning_lesson_{name}", args=[lesson.pk])

    stranger = Client()
    stranger.force_login(make_user("stranger"))
    assert stranger.get(address).status_code == 403
    assert Client().get(address).status_code == 302
    looks = browser_of(make_user("looks"))
    assert looks.get(reverse(f"admin:learning_lesson_{name}", args=[lesson.pk + 1])).status_code == 404


def test_the_list_tells_of_evidence_how_sure_it_is_of_its_sign(client: Client) -> None:
    stats = make_lesson().stats | {"standing": "likely", "lfsr": 0.08}
    make_lesson(policy="evidence", weight=0.92, stats=stats)

    text = page(client, "/admin/learning/lesson/?policy=evidence")

    assert 'likely</span> <abbr title="probability that the sign of the edge is wrong' in text
    assert "0.080" in text
