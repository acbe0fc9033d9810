"""The pages of weekly reports: the list, one report as it was kept, its CSV and its API, and who may make one."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client

from config.reports.weekly.compose import make_report
from overrides.core.governance.permissions import REVIEW
from overrides.models import WeeklyReport
from overrides.monitoring.weekly_reports import last_week
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import record_decisions
from telemetry.recording.record_trades import record_trades
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.api_clients import client_of
from tests.builders import DAY, NOW, action_payload, decision_ids, make_decision, make_spec, make_trade, publish
from tests.conftest import make_user

pytestmark = pytest.mark.django_db

LIST = "/admin/reports/weekly/"
WEEK = date(2026, 2, 23)
REPORT = f"{LIST}2026-W09/1/"


@pytest.fixture
def kept() -> WeeklyReport:
    """Keep a report of a week with a request and an attributed trade."""
    publish(make_spec(), at=NOW - 2 * DAY)
    decision = make_decision()
    record_decisions([decision])
    record_trades([make_trade("t", actions=[action_payload(decision_ids=decision_ids(decision))])], now=NOW)
    attribute_trades(now=NOW)
    return make_report(WEEK, by="somebody", at=NOW)


class TestPages:
    def test_show_the_document_that_is_kept(self, kept: WeeklyReport, reviewer: User) -> None:
        publish(make_spec({"size_mult": 1.2}), at=NOW - DAY)
        client = browser_of(reviewer)

        text = page(client, REPORT)

        assert "2026-02-23 00:00" in text
        assert [each for each in ("What changed", "What lapsed", "What waits", "Health") if each not in text] == []
        assert '<svg class="cw-svg"' in text
        assert text.count("a change</a>") == 1
        assert "1.0000" not in text  # of lines and trades, which are counted
        assert kept.document_hash[:12] in text
        assert 'href="/admin/reports/weekly/2026-W09/1/"' in page(client, LIST)

    def test_need_few_queries(self, kept: WeeklyReport, reviewer: User, django_assert_max_num_queries: object) -> None:
        client = browser_of(reviewer)
        for address in (LIST, REPORT):
            with django_assert_max_num_queries(MOST_QUERIES):  # type: ignore[operator]  # untyped fixture
                page(client, address)

    def test_offer_the_report_as_csv(self, kept: WeeklyReport, reviewer: User) -> None:
        response = browser_of(reviewer).get(f"{REPORT}report.csv")

        text = response.getvalue().decode()
        assert text.startswith("section,what,value,unit,detail,page\n")
        assert "What changed,Lines added,1,," in text

    def test_are_closed_to_those_who_may_not_see_reports(self, kept: WeeklyReport, client: Client) -> None:
        client.force_login(make_user("nobody"))

        assert [client.get(each).status_code for each in (LIST, REPORT, f"{REPORT}report.csv")] == [403] * 3

    @pytest.mark.parametrize("address", [f"{LIST}2026-W10/1/", f"{LIST}2026-W09/2/", f"{LIST}never/1/"])
    def test_lead_nowhere_without_a_report(self, kept: WeeklyReport, reviewer: User, address: str) -> None:
        assert browser_of(reviewer).get(address).status_code == 404


class TestMaking:
    def test_is_for_reviewers_and_keeps_what_is_kept(self) -> None:
        client = browser_of(make_user("chief", REVIEW))
        week = last_week(datetime.now(UTC)).isoformat()

        first = client.post(LIST, {"week": week})
        client.post(LIST, {"week": week})
        client.post(LIST, {"week": week, "again": "on"})

        assert first.status_code == 302
        assert list(WeeklyReport.objects.values_list("revision", "made_by")) == [(2, "chief"), (1, "chief")]

    def test_is_refused_in_words(self) -> None:
        client = browser_of(make_user("chief", REVIEW))

        text = client.post(LIST, {"week": "soon"}).content.decode()

        assert "names no week" in text
        assert WeeklyReport.objects.count() == 0

    def test_is_no_matter_of_viewers(self, author: User) -> None:
        client = browser_of(author)

        assert client.post(LIST, {"week": "2026-W08"}).status_code == 403
        assert "Make the report" not in page(client, LIST)


class TestApi:
    def test_lists_reports_and_returns_one(self, kept: WeeklyReport) -> None:
        api = client_of("read")

        listed = api.get("/api/v1/weekly-reports/").json()
        one = api.get("/api/v1/weekly-reports/2026-W09/1/").json()

        assert [(each["iso_week"], each["revision"]) for each in listed["results"]] == [("2026-W09", 1)]
        assert one["document"] == kept.parsed
        assert api.get("/api/v1/weekly-reports/2026-W09/7/").status_code == 404
        assert api.get("/api/v1/weekly-reports/2026-W60/1/").status_code == 404
