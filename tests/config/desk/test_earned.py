"""The page Earned, its table as CSV, its line on the first page, and the API."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from overrides.models import EarnedDay, HoldbackDay
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.api_clients import client_of
from tests.builders import NOW, set_mode
from tests.conftest import make_user

pytestmark = pytest.mark.django_db
FIRST = date(2024, 1, 1)


@pytest.fixture
def viewer(db: None) -> User:
    return make_user("viewer", "telemetry.view_attribution", "overrides.view_modulemode")


def write(days: int, replayed: float = 0.5, swing: float = 0.5, module: str = "", book: str = "paper") -> None:
    """Write days of ten positions that earned `replayed` R a day, a `swing` more and less in turn."""
    EarnedDay.objects.bulk_create(
        EarnedDay(
            module=module, book=book, day=FIRST + timedelta(days=day), positions=10, moved=8,
            replayed=replayed + swing * (-1) ** day, exposure=0.5, rr=1.0, without_leg=0, superseded=2, without_rr=0,
            waiting=0, opened_before=0, computed_at=NOW,
        )
        for day in range(days)
    )  # fmt: skip


def hold_back(days: int, served: int = 18, held_back: int = 2, unseen: float = 0.0) -> None:
    HoldbackDay.objects.bulk_create(
        HoldbackDay(
            book="paper", day=FIRST + timedelta(days=day), positions=served + held_back, served=served,
            held_back=held_back, expected_held_back=2.0, replayed=0.5, unseen=unseen + 3.0 * (-1) ** day,
            computed_at=NOW,
        )
        for day in range(days)
    )  # fmt: skip


class TestThePage:
    def test_says_that_no_module_was_switched_on(self, viewer: User) -> None:
        text = page(browser_of(viewer), "/admin/earned/")

        assert "No module has been switched on yet" in text
        assert "the assumptions of the replay are not checked" in text

    def test_says_when_positions_are_counted_and_not_that_none_has_closed(self, viewer: User) -> None:
        set_mode("on")

        for address in ("/admin/", "/admin/earned/"):
            text = page(browser_of(viewer), address)
            assert "Positions are counted every quarter of an hour, up to yesterday." in text
            assert "has closed yet that was opened" not in text

    def test_shows_small_means_with_the_decimals_that_tell_them_from_zero(self, viewer: User) -> None:
        set_mode("on")
        write(60, replayed=0.0001, swing=0.00005)

        text = page(browser_of(viewer), "/admin/earned/")

        assert "+0.000010 R per position" in text
        assert ">+0.000010</span>" in text

    def test_states_how_many_days_are_missing_and_no_number(self, viewer: User) -> None:
        set_mode("on")
        write(12)
        text = page(browser_of(viewer), "/admin/earned/")

        assert (
            "Too few days: an interval needs 30 days with closed positions, there are 12, and 18 are missing." in text
        )
        assert "Sum earned from" not in text
        assert "R per position (" not in text

    def test_states_what_was_earned_with_its_interval_and_population(self, viewer: User) -> None:
        set_mode("on")
        write(60)
        write(60, module="pm")
        text = page(browser_of(viewer), "/admin/earned/")

        assert "The levers earn: +0.050 R per position (" in text
        assert "over 600 positions on 60 days" in text
        assert "120</span>: a trade of another book tells the same position and counts instead" in text
        assert "Sum earned from 2024-01-01 to 2024-02-29: 30.00 R at the end" in text
        assert "/admin/earned/?module=pm&amp;book=paper" in text

    def test_states_which_positions_count_as_zero_and_why(self, viewer: User) -> None:
        set_mode("on")
        write(40)
        EarnedDay.objects.filter(day=FIRST).update(without_leg=1, unknown_decision=3, unfit_decision=2)
        text = " ".join(page(browser_of(viewer), "/admin/earned/").split())

        assert "1</span> position with an add whose fraction or outcome is not known: its size counts" in text
        assert "3</span> positions with an allocation, entry or add whose decision is not stored: its size" in text
        assert "2</span> positions with an allocation, entry or add whose decision was not made for it" in text

    def test_states_how_long_it_would_take_to_show_what_is_not_shown(self, viewer: User) -> None:
        set_mode("on")
        write(60, replayed=0.5, swing=3.0)
        text = page(browser_of(viewer), "/admin/earned/")

        assert "Not shown: +0.050 R per position (" in text
        assert "further days with closed positions would show a mean of this size" in text

    def test_shows_the_chosen_module_and_no_unknown_one(self, viewer: User) -> None:
        set_mode("on")
        write(60)
        write(40, replayed=-2.0, module="pm")
        browser = browser_of(viewer)

        assert "The levers lose:" in page(browser, "/admin/earned/?module=pm&book=paper")
        assert browser.get("/admin/earned/?module=pm&book=live").status_code == 404

    def test_states_what_the_holdback_shows_and_how_many_months_it_needs(self, viewer: User) -> None:
        set_mode("on")
        write(60)
        hold_back(60)
        text = page(browser_of(viewer), "/admin/earned/")

        assert "No difference is shown between the outcomes per unit of size" in text
        assert "Not shown: +0.025 R per position (" in text
        assert "more to show an effect of the size that the replay states (+0.050 R per position)" in text
        assert "120</span>, expected <span" in text

    def test_says_that_the_replay_assumes_too_much(self, viewer: User) -> None:
        hold_back(60, unseen=-5.0)
        text = page(browser_of(viewer), "/admin/earned/")

        assert "The replay&#x27;s assumptions do not hold" in text
        assert "How long the contrast still needs is not known" in text

    def test_concludes_nothing_from_few_positions(self, viewer: User) -> None:
        hold_back(40)
        text = page(browser_of(viewer), "/admin/earned/")

        assert "the contrast needs 30 days and 100 held-back positions; there are 40 and 80" in text
        assert "R per position (" not in text

    def test_takes_few_queries(self, viewer: User, django_assert_max_num_queries: Any) -> None:
        write(40)
        hold_back(40)
        browser = browser_of(viewer)
        with django_assert_max_num_queries(MOST_QUERIES):
            page(browser, "/admin/earned/")

    def test_is_for_those_who_see_what_trades_earned(self) -> None:
        browser = Client()
        browser.force_login(make_user("stranger", "telemetry.view_trade"))

        assert browser.get("/admin/earned/").status_code == 403
        assert browser.get("/admin/earned/list.csv").status_code == 403


class TestItsOtherForms:
    def test_are_a_table_as_csv(self, viewer: User) -> None:
        write(60)
        response: Any = browser_of(viewer).get("/admin/earned/list.csv")
        lines = b"".join(response.streaming_content).decode().splitlines()

        assert lines[0].startswith("module,book,first_day")
        assert "adds_without_leg,unknown_decision,unfit_decision,computed_at" in lines[0]
        assert len(lines) == 3
        assert ",earns," in lines[1]

    def test_are_a_line_on_the_first_page(self, viewer: User) -> None:
        write(60)

        assert "The levers earn: +0.050 R per position" in page(browser_of(viewer), "/admin/")

    def test_are_documents_of_the_api(self) -> None:
        write(60)
        write(10, module="pm")
        hold_back(60)
        found = client_of("read").get("/api/v1/earned/").json()

        whole, pm = found["results"][0], found["results"][2]
        assert (whole["module"], whole["book"], whole["verdict"], whole["positions"]) == (None, None, "earns", 600)
        assert (pm["module"], pm["interval"], pm["total"], pm["further_days"]) == ("pm", None, None, 20)
        assert found["holdback"]["check"] == "no difference is shown"
        assert found["holdback"]["months_needed"] > 0
