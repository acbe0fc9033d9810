"""`GET /api/v1/weekly-reports/`: the kept weekly reports, and one of them as it was made."""

from __future__ import annotations

from datetime import date

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from overrides.models import WeeklyReport
from overrides.monitoring.weekly_reports import monday_of
from telemetry.foundation.api.list_view import SERIAL, ListView, list_schema
from telemetry.foundation.api.query_parameters import query
from telemetry.foundation.api.schema_parts import named_id, problems
from telemetry.foundation.api.time_limits import bounded_reading
from telemetry.foundation.core.refusal import Refused

WEEK = named_id("week", {"type": "string", "pattern": "^[0-9]{4}-W[0-9]{2}$"}, "the ISO week, for example 2026-W48")
REVISION = named_id("revision", {"type": "integer", "minimum": 1}, "counts the reports of the week from 1")


class WeeklyReportSerializer(serializers.ModelSerializer[WeeklyReport]):
    """A kept report without its document."""

    iso_week = serializers.CharField(source="label", help_text="the ISO week, for example 2026-W48")

    class Meta:
        model = WeeklyReport
        fields: tuple[str, ...] = ("iso_week", "week", "revision", "document_hash", "made_at", "made_by")


class WholeReportSerializer(WeeklyReportSerializer):
    """A kept report with its document: sections of figures and tables."""

    document = serializers.DictField(source="parsed", help_text="its canonical JSON has the hash `document_hash`")

    class Meta(WeeklyReportSerializer.Meta):
        fields = (*WeeklyReportSerializer.Meta.fields, "document")


@extend_schema_view(
    get=list_schema("list_weekly_reports", "Kept weekly reports, newest week first", WeeklyReportSerializer, {})
)
class WeeklyReportsView(ListView):
    """List the kept reports, newest week first."""

    required_permission = "overrides.view_weeklyreport"
    order = {"week": lambda text: date.fromisoformat(str(text)), "revision": SERIAL}
    rows = WeeklyReport.objects.defer("document")
    document = WeeklyReportSerializer


class WeeklyReportView(APIView):
    """Return one report. It never changes, so caches may keep it."""

    required_permission = "overrides.view_weeklyreport"

    @extend_schema(
        operation_id="get_weekly_report",
        summary="One weekly report as it was made",
        description="A figure whose value is null is not shown; its note says what is missing.",
        parameters=[WEEK, REVISION],
        responses={200: WholeReportSerializer, **problems(400, 404, 503)},
    )
    def get(self, request: Request, week: str, revision: int) -> Response:
        query(request).close()
        with bounded_reading():
            try:
                report = WeeklyReport.objects.filter(week=monday_of(week), revision=revision).first()
            except Refused as refused:
                raise NotFound(str(refused)) from refused
            if report is None:
                raise NotFound(f"no report of {week} with revision {revision}; GET /api/v1/weekly-reports/ lists them")
            return Response(WholeReportSerializer(report).data)
