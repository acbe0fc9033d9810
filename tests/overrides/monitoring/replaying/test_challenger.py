"""The comparison over logged decisions, from the trial to the page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from overrides.models import Challenge
from overrides.monitoring.replaying.challenger import compare_challenger, latest, request_comparison, run_comparison
from overrides.serving.engine import ENGINE_ROOM
from overrides.serving.resolve import resolve
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.core.refusal import Refused
from tests.admin_pages import browser_of, page
from tests.builders import DAY, NOW, approve_and_apply, make_question, publish, set_mode
from tests.conftest import make_user
from tests.overrides.requests.test_trial import PLAN, trial
from tests.shared_world import Shared

LATER = NOW + 40 * DAY


def furnish() -> None:
    publish(PLAN)
    set_mode("on")
    approve_and_apply(trial())
    ENGINE_ROOM.refresh()
    questions = [make_question(at=(LATER + timedelta(hours=each)).isoformat()) for each in range(3)]
    record_decisions([each.record for each in resolve(questions, now=LATER)])


@pytest.fixture(scope="class")
def logged(shared: Shared) -> Iterator[None]:
    """Three decisions, each with the answer of a trial that moves farther."""
    with shared(furnish):
        yield


@pytest.fixture
def viewer(db: None) -> User:
    return make_user("viewer", "overrides.view_modulemode", "telemetry.view_decision")


@pytest.mark.usefixtures("logged", "db")
class TestTheComparison:
    def test_reads_both_answers_as_they_were_logged(self) -> None:
        found = compare_challenger("pm", NOW, LATER + DAY)

        size = found["levers"]["size_mult"]
        assert (found["n"], found["versions"], size["requests"]) == (3, [2], 3)
        assert size["challenger"]["mean"] != size["live"]["mean"]
        assert size["outcome"]["n"] == 0

    def test_names_the_decision_where_they_lie_farthest_apart(self) -> None:
        [first, *_] = compare_challenger("pm", NOW, LATER + DAY)["patterns"]

        assert (first["lever"], first["n"]) == ("size_mult", 3)
        assert first["largest"] >= first["mean"] > 0

    def test_leaves_out_what_lies_outside_the_period(self) -> None:
        assert compare_challenger("pm", NOW, LATER)["n"] == 0

    def test_of_another_challenger_finds_nothing(self) -> None:
        assert compare_challenger("pm", NOW, LATER + DAY, version=9)["n"] == 0

    def test_is_computed_once_by_the_task_and_kept(self) -> None:
        row = request_comparison(module="pm", since=NOW, until=LATER + DAY, now=LATER)
        assert request_comparison(module="pm", since=NOW, until=LATER + DAY, now=LATER) == row

        run_comparison(row.pk, now=LATER)
        run_comparison(row.pk, now=LATER)

        kept = latest("pm")
        assert kept is not None
        assert (kept.pk, kept.progress, kept.document["n"]) == (row.pk, 1.0, 3)  # type: ignore[index]

    def test_page_shows_it_and_its_table(self, viewer: User) -> None:
        row = request_comparison(module="pm", since=NOW, until=LATER + DAY, now=LATER)
        run_comparison(row.pk, now=LATER)
        browser = browser_of(viewer)

        text = page(browser, "/admin/overrides/modulemode/pm/challenger/")
        answer = browser.get("/admin/overrides/modulemode/pm/challenger/?format=csv")
        table = answer.getvalue().decode()

        assert "n = 3 decisions" in text.replace('<span class="cw-num">', "").replace("</span>", "")
        assert table.splitlines()[1].startswith(("alloc_mult,3", "size_mult,3"))

    @pytest.mark.parametrize(
        ("low", "high", "few", "verdict"),
        [
            (-1.0, 1.0, False, "not statistically different from zero"),
            (0.5, 1.0, False, "the challenger would have earned more"),
            (-1.0, -0.5, False, "the challenger would have earned less"),
            (0.5, 1.0, True, "closed trades say little"),
        ],
    )
    def test_page_says_first_whether_the_outcomes_differ(
        self, viewer: User, low: float, high: float, few: bool, verdict: str
    ) -> None:
        row = request_comparison(module="pm", since=NOW, until=LATER + DAY, now=LATER)
        run_comparison(row.pk, now=LATER)
        row.refresh_from_db()
        band = {"mean": (low + high) / 2, "low": low, "high": high}
        outcome = {"n": 900, "days": 60, "live": band, "challenger": band, "difference": band, "is_few": few}
        row.document["levers"]["size_mult"]["outcome"] = outcome  # type: ignore[index]
        row.save(update_fields=["document"])

        text = page(browser_of(viewer), "/admin/overrides/modulemode/pm/challenger/")

        assert verdict in text[: text.index("decisions, as of")]


def test_a_period_has_to_have_a_length(db: None) -> None:
    with pytest.raises(Refused, match="ends before it begins"):
        request_comparison(module="pm", since=NOW, until=NOW, now=NOW)


def test_a_page_before_the_first_comparison_explains_how_to_get_one(viewer: User) -> None:
    assert "Nothing is compared yet" in page(browser_of(viewer), "/admin/overrides/modulemode/pm/challenger/")


def test_the_button_requests_one(viewer: User) -> None:
    browser_of(viewer).post("/admin/overrides/modulemode/pm/challenger/", {"days": 30})

    row = Challenge.objects.get()
    assert (row.module, row.until - row.since) == ("pm", timedelta(days=30))
