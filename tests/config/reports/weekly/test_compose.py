"""The weekly report says what the rows of the week say, is made once, and is kept as it was made."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from config.reports.tasks import weekly_report_task
from config.reports.weekly.compose import compose, make_report
from config.reports.weekly.earned import _figures
from config.reports.weekly.shape import lines_of
from overrides.models import EarnedDay, WeeklyReport
from overrides.monitoring.weekly_reports import monday_of
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.core.refusal import Refused
from telemetry.foundation.models import JobRun
from telemetry.models import AuditEntry
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    DAY,
    NOW,
    action_payload,
    decision_ids,
    draft,
    make_decision,
    make_spec,
    make_trade,
    publish,
)

pytestmark = pytest.mark.django_db

WEEK = date(2026, 2, 23)  # the builders' present is the Monday after it
IN_IT = NOW - 2 * DAY


def section(document: dict[str, Any], key: str) -> dict[str, Any]:
    return next(each for each in document["sections"] if each["key"] == key)


def figures(found: dict[str, Any]) -> dict[str, Any]:
    return {each["what"]: each["value"] for each in found["figures"]}


def table(found: dict[str, Any], title: str) -> list[list[Any]]:
    return next(
        [list(row["cells"]) for row in each["rows"]] for each in found["tables"] if each["title"].startswith(title)
    )


def add_earned_day(day: date) -> None:
    """Add a day on which two positions earned .2 R by their size."""
    for module in ("", "pm"):
        EarnedDay.objects.create(
            module=module, book="paper", day=day, positions=2, moved=2, replayed=0.2 + day.day * 1e-6, exposure=0.04,
            rr=1.0, without_leg=0, superseded=0, without_rr=0, waiting=0, opened_before=0, computed_at=NOW,
        )  # fmt: skip


class TestWhatChanged:
    def test_counts_requests_lines_and_levers_of_the_week_alone(self) -> None:
        publish(make_spec(), at=NOW - 20 * DAY)
        publish(make_spec({"size_mult": 1.2}), make_spec(scope={"macro_phase": "Dip"}), at=IN_IT)
        publish(withdraw=[make_spec().line], at=NOW)

        found = section(compose(WEEK, NOW), "changed")

        counted = figures(found)
        assert (counted["Requests that took effect"], counted["Lines added"], counted["Lines changed"]) == (1, 1, 1)
        assert (counted["Lines withdrawn"], counted["Levers moved"]) == (0, 1)
        ((what, module, about, how, _, by, approvers, lines, levers),) = table(found, "Requests")
        assert (what.partition(": ")[2], module, about, how) == ("a change", "pm", "lines", "after votes")
        assert (by, approvers, lines, levers) == ("machine (a machine)", "somebody", 2, "size_mult")


class TestWhatItEarned:
    def test_sums_the_shares_of_trades_that_closed_in_the_week(self) -> None:
        decision = make_decision()
        record_decisions([decision])
        named = action_payload(decision_ids=decision_ids(decision))
        record_trades([make_trade("t", rr=2.0, actions=[named])], now=NOW)
        attribute_trades(now=NOW)

        found = section(compose(WEEK, NOW), "earned")

        figure = found["figures"][-1]
        assert figure["what"] == "Overrides of pm in book paper"
        assert figure["value"] == pytest.approx(0.04)
        assert figure["note"] == "1 trade; one week, without a verdict"
        ((_, _, _, share, trades),) = table(found, "Best lines of 1 line")
        assert (share, trades) == (pytest.approx(0.04), 1)
        assert [value is not None for value in found["daily"]["values"]] == [False] * 6 + [True]

    def test_is_not_shown_without_an_attributed_trade(self) -> None:
        week, mean, shares = section(compose(WEEK, NOW), "earned")["figures"]

        assert [each["value"] for each in (week, mean, shares)] == [None] * 3
        assert week["note"] == "not shown: no position closed in the week"
        assert mean["note"].startswith("not shown: too few days")
        assert shares["note"].startswith("not shown: no trade")

    def test_says_why_overrides_have_no_figure_where_coefficients_alone_earned(self) -> None:
        overrides, coefficients = _figures([("dm", "paper", 201, None, 7.4)])

        assert (overrides.value, overrides.note) == (None, "not shown: no override has a share in the 201 trades")
        assert (coefficients.value, coefficients.note) == (7.4, "201 trades; one week, without a verdict")

    def test_states_the_replay_of_the_week_without_and_of_all_days_with_a_verdict(self) -> None:
        for days_ago in range(3, 73):
            add_earned_day(NOW.date() - days_ago * timedelta(days=1))

        figures_of = section(compose(WEEK, NOW), "earned")["figures"]

        by_name = {each["what"]: each for each in figures_of}
        week = by_name["pm, book paper: size replay of the week"]
        mean = by_name["pm, book paper: mean per position until the week's end"]
        assert (week["value"], week["note"]) == (
            pytest.approx(1.0, abs=1e-3), "10 positions, 10 with a moved size; one week, without a verdict",
        )  # fmt: skip
        assert week["link"] == mean["link"] == "/admin/earned/"
        assert mean["value"] == pytest.approx(0.1, abs=1e-4)
        assert mean["note"].startswith("the levers earn: +0.")
        assert mean["note"].endswith("over 140 positions on 70 days")


class TestTheRest:
    def test_lists_mandates_that_are_due_next_and_requests_that_wait(self) -> None:
        publish(make_spec(), at=NOW - 80 * DAY)
        draft(make_spec({"size_mult": 1.2}), at=NOW - 3 * DAY)
        document = compose(WEEK, NOW)

        ((mandate, module, due),) = table(section(document, "lapsed"), "Mandates due")
        assert (mandate, module) == ("donchian.long.breakout entry", "pm")
        assert due.endswith("UTC")
        assert table(section(document, "waits"), "Open requests")[0][:3] == ["in review", "pm", 1]
        assert table(section(document, "waits"), "Open requests")[0][4] == 3

    def test_tells_what_no_person_did(self) -> None:
        publish(make_spec(), at=IN_IT)

        found = section(compose(WEEK, NOW), "alone")

        assert figures(found) == {"Requests under mandates": 0, "Requests at once": 0}
        assert [row[:2] for row in table(found, "Audit entries")] == [["machine", "draft"]]

    def test_names_failed_jobs_and_checks_that_did_not_run(self) -> None:
        at = {"started_at": IN_IT, "finished_at": IN_IT}
        JobRun.objects.create(job="build pm", period="1", status="failed", **at)
        JobRun.objects.create(job="replay", period="1", status="done", rows=7, **at)

        found = section(compose(WEEK, NOW), "health")

        by_name = {each["what"]: each for each in found["figures"]}
        trail, replays = (by_name[f"{name}: runs with findings or errors"]
                          for name in ("Verification of the audit trail", "Replay of decisions"))  # fmt: skip
        assert (trail["value"], trail["note"]) == (None, "not shown: no run finished in the week")
        assert (replays["value"], replays["note"]) == (0, "1 run without findings; 7 rows checked")
        assert table(found, "Jobs with failed runs") == [["build pm", 1, 0]]

    def test_is_a_csv_of_its_figures_and_rows(self) -> None:
        publish(make_spec(), at=IN_IT)

        lines = lines_of(compose(WEEK, NOW))

        assert ("What changed", "Lines added", 1) in [(each.section, each.what, each.value) for each in lines]
        listed = next(each for each in lines if each.section == "What changed: Requests that took effect")
        assert "levers: size_mult" in listed.detail
        assert listed.page.startswith("/admin/overrides/changerequest/")


class TestKeeping:
    def test_makes_one_report_of_a_week_until_another_is_asked_for(self) -> None:
        first = make_report(WEEK, by="somebody", at=NOW)
        same = make_report(WEEK, by="somebody", at=NOW + DAY)
        again = make_report(WEEK, by="somebody", at=NOW + DAY, again=True)

        assert (same.pk, again.revision) == (first.pk, 2)
        assert list(WeeklyReport.objects.values_list("revision", "made_at")) == [(2, NOW + DAY), (1, NOW)]
        assert list(AuditEntry.objects.filter(action="report").values_list("object", flat=True)) == [
            "weekly report 2026-02-23/2", "weekly report 2026-02-23/1",
        ]  # fmt: skip

    def test_refuses_a_week_that_has_not_ended(self) -> None:
        with pytest.raises(Refused, match="has not ended"):
            make_report(WEEK + timedelta(days=7), by="somebody", at=NOW)

    def test_is_done_by_the_job_for_the_last_week_once(self) -> None:
        for _ in range(2):
            weekly_report_task.run(now=NOW.isoformat())

        assert WeeklyReport.objects.get().week == WEEK
        assert WeeklyReport.objects.get().made_by == "counterweight"

    def test_is_done_by_the_command_for_a_week_by_name_or_day(self) -> None:
        call_command("weekly_report", "2026-W08")
        call_command("weekly_report", "2026-02-18")

        assert [str(each) for each in WeeklyReport.objects.all()] == ["weekly report 2026-W08, revision 1"]
        with pytest.raises(CommandError, match="names no week"):
            call_command("weekly_report", "last")

    @pytest.mark.parametrize("text", ["", "2026-W54", "2026-W", "W09", "yesterday", "2026-13-01"])
    def test_knows_no_week_by_another_name(self, text: str) -> None:
        with pytest.raises(Refused):
            monday_of(text)
