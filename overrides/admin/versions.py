"""Versions: what was in force when, and as whose decision."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from overrides.models import Version
from telemetry.admin.display import MISSING, badge, moment, number, pretty, short
from telemetry.admin.facts import FactAdmin, one_of


@admin.register(Version)
class VersionAdmin(FactAdmin):
    nothing_yet = "Applying an approved change request publishes one."
    list_display = ("name", "state", "kind", "overrides", "published", "published_by", "request_shown")
    list_filter = ("module", one_of("kind", [kind.value for kind in Version.Kind]))
    list_select_related = ("request",)
    fields = (
        ("name", "state", "kind", "overrides"),
        ("published", "published_by", "request_shown"),
        ("content", "parameters_id_shown"),
        ("parameters_shown", "document_shown"),
    )
    readonly_fields = (
        "name", "state", "overrides", "published", "request_shown", "content", "parameters_id_shown",
        "parameters_shown", "document_shown",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Version]:
        """Lists do without the documents, which may be large."""
        queryset: QuerySet[Version] = super().get_queryset(request)
        return queryset.defer("config_data", "coefficients")

    @admin.display(description="version", ordering="number")
    def name(self, version: Version) -> str:
        return f"{version.module} {version.number}"

    @admin.display(description="state", ordering="is_active")
    def state(self, version: Version) -> SafeString:
        return badge("active") if version.is_active else badge("superseded")

    @admin.display(description="overrides", ordering="n_overrides")
    def overrides(self, version: Version) -> SafeString:
        return number(version.n_overrides, 0)

    @admin.display(description="published", ordering="published_at")
    def published(self, version: Version) -> SafeString:
        return moment(version.published_at)

    @admin.display(description="request", ordering="request")
    def request_shown(self, version: Version) -> SafeString:
        if version.request is None:
            return MISSING
        where = reverse("admin:overrides_changerequest_change", args=[version.request.pk])
        return format_html('<a href="{}">{} {}</a>', where, version.request.pk, version.request.title)

    @admin.display(description="content")
    def content(self, version: Version) -> SafeString:
        return short(version.content_hash, 24)

    @admin.display(description="parameters")
    def parameters_id_shown(self, version: Version) -> SafeString:
        return short(version.parameters_id, 24)

    @admin.display(description="parameters")
    def parameters_shown(self, version: Version) -> SafeString:
        return pretty(version.parameters.document)

    @admin.display(description="document, as bots read it")
    def document_shown(self, version: Version) -> SafeString:
        document: Any = version.config_data
        return pretty(document) if document is not None else format_html("{}", "too large to show; the API has it")
