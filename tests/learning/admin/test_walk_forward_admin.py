"""The walk-forward page: empty, in progress, done; who may request a run; the same numbers as a table."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from learning.admin.walk_forward_page import csv_rows, verdict
from learning.models import MethodStrength, WalkForward
from learning.validation.walk_forward_runs import request_walk_forward, walk_forward
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.models import OutboxMessage
from telemetry.recording.record_trades import record_trades
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import DAY, NOW, action_payload, make_trade
from tests.conftest import make_user
from tests.learning.opinions import make_run, make_strength
from tests.people import make_person

pytestmark = pytest.mark.django_db

PM = "/admin/learning/walkforward/of/pm/"
LOWER, DRAFT = "overrides.lower_modulemode", "overrides.add_changerequest"


@pytest.fixture
def reader(db: None) -> User:
    return make_user("reader")


def furnish(count: int = 120) -> None:
    trades = []
    for number in range(count):
        opened, phase = NOW - DAY * (count - number + 2), "Good" if number % 3 else "Dip"
        rr = (1.0 if phase == "Good" else -1.0) + (number % 7) / 10
        times = {"opened_at": utc_text(opened), "closed_at": utc_text(opened + timedelta(hours=3))}
        action = action_payload(scope={"macro_phase": phase}, at=utc_text(opened))
        trades.append(make_trade(f"w{number}", rr=rr, actions=[action], **times))
    record_trades(trades, now=NOW)


class TestPage:
    def test_says_what_fills_it_where_nothing_was_walked(self, reader: User) -> None:
        text = page(browser_of(reader), PM)

        assert "Nothing has been walked yet" in text
        assert "./dev manage walk_forward --module pm" in text
        assert "cw-svg" not in text

    def test_says_so_where_no_trade_could_be_decided(self, reader: User) -> None:
        walk_forward(module="pm", now=NOW)

        assert "No trade could be decided" in page(browser_of(reader), PM)

    def test_shows_every_policy_in_few_queries(self, reader: User, django_assert_max_num_queries: Any) -> None:
        furnish()
        rows = walk_forward(module="pm", now=NOW)
        browser = browser_of(reader)

        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, PM)

        figures = rows[2].figures
        assert figures is not None
        for name in ("plan/plan", "plan/most_specific", "evidence"):
            assert f"{name}, as sized" in text
        assert f"{figures['uplift']['mean']:+,.2f}" in text
        assert "optimistic" in text
        assert text.count("Uplift as it grew") == 3

    def test_shows_how_far_a_walk_is(self, reader: User) -> None:
        furnish()
        request_walk_forward(module="pm", now=NOW)
        WalkForward.objects.filter(policy="evidence").update(status="running", progress=0.375)

        text = page(browser_of(reader), PM)

        assert '<progress value="0.375"' in text

    def test_tells_why_a_walk_failed_and_shows_the_one_before(self, reader: User) -> None:
        furnish()
        walk_forward(module="pm", now=NOW)
        record_trades([make_trade("another")], now=NOW)
        request_walk_forward(module="pm", now=NOW + DAY)
        WalkForward.objects.filter(status="waiting").update(status="failed", error="ValueError: drop a dimension")

        text = page(browser_of(reader), PM)

        assert "ValueError: drop a dimension" in text
        assert text.count("Uplift as it grew") == 3

    def test_is_not_for_a_module_that_does_not_exist(self, reader: User) -> None:
        assert browser_of(reader).get("/admin/learning/walkforward/of/xx/").status_code == 404

    def test_is_not_for_who_may_not_look(self, client: Any) -> None:
        client.force_login(make_person("nobody", is_staff=True))

        assert client.get(PM).status_code == 403
        assert client.get(f"{PM}walk.csv").status_code == 403

    def test_is_linked_from_the_page_of_the_module(self, reader: User) -> None:
        assert f'href="{PM}"' in page(browser_of(reader), "/admin/overrides/modulemode/pm/change/")


class TestList:
    def test_shows_the_walks_and_each_has_a_page(self, reader: User) -> None:
        furnish()
        row = walk_forward(module="pm", now=NOW)[2]
        browser = browser_of(reader)

        assert "pm evidence" in page(browser, "/admin/learning/walkforward/")
        assert f'href="{PM}"' in page(browser, f"/admin/learning/walkforward/{row.pk}/change/")


class TestStrength:
    def test_says_of_every_method_that_nothing_is_measured(self, reader: User) -> None:
        text = page(browser_of(reader), PM)

        assert text.count("not measured yet") == 3
        assert "none: claims stand as fitted" in text

    def test_shows_what_came_true_with_its_interval_and_what_it_does_to_claims(self, reader: User) -> None:
        strength = make_strength(1.25, 0.3, 0.1)
        browser = browser_of(reader)

        before = page(browser, PM)
        make_run(strength=strength)
        text = page(browser, PM)

        assert '1.25</span>\n              <span class="cw-quiet">(<span class="cw-num">1.05' in text
        assert 'lasting \u00d7 <span class="cw-num">1.00</span>, recent \u00d7 <span class="cw-num">0.30</span>' in text
        assert "1,200" in text
        assert "2026-03-02 12:00 UTC" in text
        assert "from its next run on" in before
        assert "from its next run on" not in text

    @pytest.mark.parametrize(
        ("over", "words"),
        [
            ({"status": "running"}, "not measured yet: it is being measured"),
            ({"status": "failed", "error": "scope: drop a dimension"}, "not measured yet: scope: drop a dimension"),
            ({"strengths": {"entry and add": None}}, "not measured yet: too few closed trades"),
        ],
    )
    def test_says_why_nothing_is_measured(self, reader: User, over: dict[str, Any], words: str) -> None:
        make_strength(**over)

        assert words in page(browser_of(reader), PM)

    def test_is_named_by_the_run_that_it_braked(self, reader: User) -> None:
        free, braked = make_run(), make_run(strength=make_strength())
        browser = browser_of(reader)

        assert "not measured yet" in page(browser, f"/admin/learning/builderrun/{free.pk}/change/")
        text = page(browser, f"/admin/learning/builderrun/{braked.pk}/change/")
        assert "not measured yet" not in text
        assert "raked by strength as of" in text

    def test_is_in_the_table_of_all_numbers(self, reader: User) -> None:
        make_strength(0.5, 0.3, 0.0)

        rows = list(csv_rows("pm"))

        assert [(row["table"], row["key"], row["value"], row["n"]) for row in rows] == [
            ("strength of entry and add", "whole", 0.5, 1200),
            ("strength of entry and add", "lasting", 0.5, 1200),
            ("strength of entry and add", "recent", 0.3, 1200),
        ]

    def test_is_measured_anew_by_the_button(self) -> None:
        operator = make_user("operator", "overrides.lower_modulemode")

        browser_of(operator).post(PM + "again/")

        assert set(MethodStrength.objects.values_list("policy", "status")) == {
            ("plan", "waiting"), ("evidence", "waiting"),
        }  # fmt: skip


class TestAgain:
    @pytest.mark.parametrize("permission", [LOWER, DRAFT])
    def test_asks_for_a_walk_of_every_policy(self, permission: str) -> None:
        furnish(20)

        answer = browser_of(make_user("asker", permission)).post(f"{PM}again/")

        assert answer["Location"] == PM
        assert OutboxMessage.objects.filter(task="learning.walk_forward").count() == 3

    def test_is_refused_to_who_only_looks(self, reader: User) -> None:
        assert browser_of(reader).post(f"{PM}again/").status_code == 403
        assert "Walk again" not in page(browser_of(reader), PM)
        assert not WalkForward.objects.exists()

    def test_says_where_nothing_has_changed(self) -> None:
        furnish(20)
        walk_forward(module="pm", now=NOW)
        browser = browser_of(make_user("asker", LOWER))

        answer = browser.post(f"{PM}again/", follow=True)

        assert b"Nothing has changed since" in answer.content
        assert not OutboxMessage.objects.filter(task="learning.walk_forward").exists()


class TestExport:
    def test_has_every_number_of_the_page(self, reader: User) -> None:
        furnish()
        rows = walk_forward(module="pm", now=NOW)

        answer = browser_of(reader).get(f"{PM}walk.csv")
        body = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
        table = list(csv.DictReader(io.StringIO(body)))

        found = {(row["policy"], row["combiner"], row["table"], row["key"]): row for row in table}
        for walk in rows:
            assert walk.figures is not None
            uplift = found[walk.policy, walk.combiner, "R per 1,000 trades", "uplift"]
            assert float(uplift["value"]) == walk.figures["uplift"]["mean"]
            assert float(uplift["low"]) == walk.figures["uplift"]["low"]
            assert found[walk.policy, walk.combiner, "fold 1", "known"]
        tables = {row["table"] for row in table}
        assert {"tilt", "calibration", "realised R", "cumulative R, optimistic"} <= tables

    def test_of_nothing_is_a_header(self, reader: User) -> None:
        answer = browser_of(reader).get(f"{PM}walk.csv")

        assert b"".join(answer.streaming_content).decode().count("\n") == 1  # type: ignore[attr-defined]


def test_a_heading_names_the_policies_that_are_clear_of_zero() -> None:
    ends = {"plan": (-2.0, -1.0), "most_specific": (-1.0, 1.0), "evidence": (1.0, 2.0)}
    uplifts = [(name, {"low": low, "high": high}) for name, (low, high) in ends.items()]

    assert verdict(uplifts) == "Above zero: evidence; below zero: plan"
    assert verdict(uplifts[1:2]) == "No method is clear of zero"
    assert verdict([("plan", None), ("evidence", {"low": None, "high": None})]) == "No method is clear of zero"
