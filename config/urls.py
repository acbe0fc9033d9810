"""Everything the web process answers: the admin for people, /api/v1/ for bots, two addresses for operators."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from config.pages.api_health import HealthView
from config.pages.coverage import coverage_page
from config.pages.documentation import DocumentationView
from config.pages.evidence.page import evidence_page
from config.pages.health import healthz, readyz
from config.pages.refusals import NothingHere
from config.pages.request_evidence import request_evidence_csv
from config.pages.schema import SchemaView

admin.site.site_header = admin.site.site_title = "Counterweight"
admin.site.index_title = "Today"
admin.site.site_url = None  # the admin is the site

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/coverage/", admin.site.admin_view(coverage_page), name="coverage"),
    path("admin/evidence/", admin.site.admin_view(evidence_page), name="evidence"),
    path(
        "admin/requests/<int:request_id>/evidence.csv",
        admin.site.admin_view(request_evidence_csv),
        name="request_evidence",
    ),
    path("admin/", admin.site.urls),
    path("api/v1/", include("telemetry.api.urls")),
    path("api/v1/", include("overrides.api.urls")),
    path("api/v1/", include("learning.api.urls")),
    re_path(r"^api/v1/health/?$", HealthView.as_view(), name="health"),
    re_path(r"^api/v1/schema/?$", SchemaView.as_view(), name="schema"),
    re_path(r"^api/v1/docs/?$", DocumentationView.as_view(), name="docs"),
    re_path(r"^api(/|$)", NothingHere.as_view()),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]

handler400 = "config.pages.refusals.bad_request"
handler500 = "config.pages.refusals.server_error"
