"""Pages of the weekly reports: the list, one report as it was kept, its CSV, and the button that makes one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse

from config.reports.weekly.compose import make_report
from config.reports.weekly.daily_chart import daily_chart
from config.reports.weekly.shape import lines_of
from overrides.core.governance.permissions import REVIEW
from overrides.models import WeeklyReport
from overrides.models.reports import week_label
from overrides.monitoring.weekly_reports import last_week, monday_of
from telemetry.foundation.admin.read_only import person
from telemetry.foundation.core.csv_cells import csv_lines
from telemetry.foundation.core.refusal import Refused

PERMISSION = "overrides.view_weeklyreport"
ON_A_PAGE = 60
COLUMNS = ("section", "what", "value", "unit", "detail", "page")


class WeekForm(forms.Form):
    """Which week to report, and whether beside a report that is kept."""

    week = forms.CharField(max_length=20, label="week", help_text="like 2026-W48, or a day of it like 2026-11-27")
    again = forms.BooleanField(
        required=False, label="report it again", help_text="keeps a further revision beside the report that there is"
    )

    def __init__(self, *arguments: Any, **names: Any) -> None:
        super().__init__(*arguments, **names)
        self.label_suffix = ""


def weekly_reports_page(request: HttpRequest) -> HttpResponseBase:
    """List the kept reports; POST makes one, or leads to the one that is kept."""
    _require(request)
    now, may_make = datetime.now(UTC), request.user.has_perm(REVIEW)
    form = WeekForm(request.POST if request.method == "POST" else None, initial={"week": week_label(last_week(now))})
    if request.method == "POST":
        if not may_make:
            raise PermissionDenied
        if form.is_valid() and (response := _made(request, form, now)):
            return response
    rows = WeeklyReport.objects.defer("document")
    pages = Paginator(rows, ON_A_PAGE)
    context: dict[str, Any] = admin.site.each_context(request) | {
        "title": "Weekly reports",
        "page_of_rows": pages.get_page(request.GET.get("p")),
        "form": form,
        "may_make": may_make,
    }
    return TemplateResponse(request, "reports/weekly_reports.html", context)


def weekly_report_page(request: HttpRequest, week: str, revision: int) -> HttpResponseBase:
    """Show one report as it was kept."""
    _require(request)
    report = _report(week, revision)
    document = report.parsed
    context: dict[str, Any] = admin.site.each_context(request) | {
        "title": f"Weekly report {report.label}",
        "report": report,
        "others": WeeklyReport.objects.filter(week=report.week).exclude(pk=report.pk).defer("document"),
        "since": datetime.fromisoformat(document["since"]),
        "until": datetime.fromisoformat(document["until"]),
        "sections": [_shown(each) for each in document["sections"]],
    }
    return TemplateResponse(request, "reports/weekly_report.html", context)


def weekly_report_csv(request: HttpRequest, week: str, revision: int) -> HttpResponseBase:
    """Stream one report as CSV."""
    _require(request)
    report = _report(week, revision)
    rows: Iterator[dict[str, Any]] = (asdict(line) for line in lines_of(report.parsed))
    response = StreamingHttpResponse(csv_lines(COLUMNS, rows), content_type="text/csv; charset=utf-8")
    name = f"weekly-report-{report.label}-{report.revision}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _require(request: HttpRequest) -> None:
    """Raise PermissionDenied for a person who may not see reports."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied


def _report(week: str, revision: int) -> WeeklyReport:
    try:
        monday = monday_of(week)
    except Refused as refused:
        raise Http404(str(refused)) from refused
    report = WeeklyReport.objects.filter(week=monday, revision=revision).first()
    if report is None:
        raise Http404(f"no report of {week} with revision {revision} is kept")
    return report


def _made(request: HttpRequest, form: WeekForm, now: datetime) -> HttpResponseBase | None:
    """Make the report and lead to it; None if it was refused, in which case the form shows why."""
    try:
        week = monday_of(form.cleaned_data["week"])
        again = form.cleaned_data["again"]
        report = make_report(week, by=person(request).get_username(), at=now, again=again)
    except Refused as refused:
        form.add_error("week", str(refused))
        return None
    is_new = report.made_at >= now
    messages.success(request, "The report was made and is kept" if is_new else "This week was reported already")
    return HttpResponseRedirect(reverse("weekly_report", args=[report.label, report.revision]))


def _shown(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return a kept section with its chart, and with each cell's column."""
    tables = [
        table | {"columns": [(name, place in table["numbers"]) for place, name in enumerate(table["columns"])],
                 "rows": [_row(row, table["numbers"]) for row in table["rows"]]}
        for table in section["tables"]
    ]  # fmt: skip
    return {**section, "tables": tables, "chart": daily_chart(section["daily"]) if section["daily"] else None}


def _row(row: Mapping[str, Any], numbers: list[int]) -> dict[str, Any]:
    """Return a kept row; each cell but the first with whether it is a number, and its decimals: counts have none."""
    first, *rest = row["cells"]
    return {
        "first": first,
        "link": row["link"],
        "rest": [(cell, place in numbers, 4 if isinstance(cell, float) else 0) for place, cell in enumerate(rest, 1)],
    }
