"""All routes of the web process: the admin for people, /api/v1/ for bots, three addresses for operators."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from config.access.admin.people import change_own_password
from config.api.docs_page import DocumentationView
from config.api.error_handlers import ApiNotFound
from config.api.health import HealthView
from config.api.schema import SchemaView
from config.api.stream import StreamElsewhere
from config.desk.alarms import acknowledge_page as acknowledge_alarm
from config.desk.books import books_csv, books_page
from config.desk.coverage import coverage_page
from config.desk.earned import earned_csv, earned_page
from config.desk.glossary import glossary_page
from config.desk.inbox import acknowledge_page as acknowledge_notices
from config.desk.levers.page import lever_page, levers_page
from config.desk.never_matched import never_matched_csv, never_matched_page, never_matched_values_csv
from config.desk.request_evidence import request_evidence_csv
from config.desk.unknown_dimensions import unknown_dimensions_csv, unknown_dimensions_page
from config.desk.without_learning import without_learning_page
from config.learner import LEARNS
from config.operations.health import healthz, readyz
from config.operations.metrics_page import metrics_page
from config.reports.evidence_pack.page import evidence_page
from config.reports.weekly.page import weekly_report_csv, weekly_report_page, weekly_reports_page

admin.site.site_header = admin.site.site_title = "Counterweight"
admin.site.index_title = "Today"
admin.site.site_url = None  # the admin is the site

OF_LEARNING = (
    [path("api/v1/", include("learning.api.urls"))]
    if LEARNS
    else [
        path("admin/learning/", admin.site.admin_view(without_learning_page), name="without_learning"),
        path("admin/learning/<path:page>", admin.site.admin_view(without_learning_page)),
    ]
)

urlpatterns = [
    *OF_LEARNING,
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/alarms/<str:check>/acknowledge/", admin.site.admin_view(acknowledge_alarm), name="acknowledge_alarm"),
    path("admin/books/", admin.site.admin_view(books_page), name="books"),
    path("admin/books/list.csv", admin.site.admin_view(books_csv), name="books_csv"),
    path("admin/earned/", admin.site.admin_view(earned_page), name="earned_page"),
    path("admin/earned/list.csv", admin.site.admin_view(earned_csv), name="earned_csv"),
    path("admin/coverage/", admin.site.admin_view(coverage_page), name="coverage"),
    path("admin/coverage/unknown/", admin.site.admin_view(unknown_dimensions_page), name="unknown_dimensions"),
    path("admin/coverage/unknown.csv", admin.site.admin_view(unknown_dimensions_csv), name="unknown_dimensions_csv"),
    path("admin/evidence/", admin.site.admin_view(evidence_page), name="evidence"),
    path("admin/glossary/", admin.site.admin_view(glossary_page), name="glossary"),
    path("admin/levers/", admin.site.admin_view(levers_page), name="levers"),
    path("admin/levers/<str:name>/", admin.site.admin_view(lever_page), name="lever"),
    path("admin/never-matched/", admin.site.admin_view(never_matched_page), name="never_matched"),
    path("admin/never-matched/lines.csv", admin.site.admin_view(never_matched_csv), name="never_matched_csv"),
    path(
        "admin/never-matched/values.csv",
        admin.site.admin_view(never_matched_values_csv),
        name="never_matched_values_csv",
    ),
    path("admin/notices/acknowledge/", admin.site.admin_view(acknowledge_notices), name="acknowledge_notices"),
    path("admin/reports/weekly/", admin.site.admin_view(weekly_reports_page), name="weekly_reports"),
    path(
        "admin/reports/weekly/<str:week>/<int:revision>/",
        admin.site.admin_view(weekly_report_page),
        name="weekly_report",
    ),
    path(
        "admin/reports/weekly/<str:week>/<int:revision>/report.csv",
        admin.site.admin_view(weekly_report_csv),
        name="weekly_report_csv",
    ),
    path(
        "admin/requests/<int:request_id>/evidence.csv",
        admin.site.admin_view(request_evidence_csv),
        name="request_evidence",
    ),
    path(
        "admin/password_change/",
        admin.site.admin_view(change_own_password, cacheable=True),
        name="change_own_password",
    ),
    path("admin/", admin.site.urls),
    path("api/v1/", include("telemetry.api.urls")),
    path("api/v1/", include("overrides.api.urls")),
    re_path(r"^api/v1/health/?$", HealthView.as_view(), name="health"),
    re_path(r"^api/v1/schema/?$", SchemaView.as_view(), name="schema"),
    re_path(r"^api/v1/docs/?$", DocumentationView.as_view(), name="docs"),
    re_path(r"^api/v1/stream/?$", StreamElsewhere.as_view(), name="stream"),
    path("ofrep/v1/", include("overrides.api.ofrep_urls")),
    re_path(r"^(api|ofrep)(/|$)", ApiNotFound.as_view()),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics_page, name="metrics"),
]

handler400 = "config.api.error_handlers.bad_request"
handler500 = "config.api.error_handlers.server_error"
