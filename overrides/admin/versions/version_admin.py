"""Admin of versions: what was in force when, who decided it, what it changed, and how to return to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from overrides.admin.request_form import ProposedRequest, ReasonForm, draft
from overrides.admin.versions.version_page import MOST_SHOWN_WHOLE, version_page, with_earnings
from overrides.core.governance.permissions import DRAFT
from overrides.models import RequestKind, Version, VersionKind
from overrides.requests.impact.effects_at_once import effect_of_rolling_back, shown
from telemetry.foundation.admin.formatting import MISSING, badge, format_moment, in_words, number, pretty, short
from telemetry.foundation.admin.read_only import FactAdmin, one_of

TRIAL = VersionKind.TRIAL


@admin.register(Version)
class VersionAdmin(FactAdmin):
    """The list and the pages of versions."""

    nothing_yet = "Applying an approved change request publishes one."
    change_form_template = "overrides/versions/version.html"
    list_display = ("name", "state", "kind_shown", "overrides", "published", "publisher", "request_shown")
    csv_fields = (
        "module", "number", "is_active", "kind", "n_overrides", "published_at", "published_by", "request_id",
        "parameters_id", "content_hash",
    )  # fmt: skip
    list_filter = ("module", one_of("kind", [kind.value for kind in VersionKind]))
    fields = (
        ("name", "state", "kind_shown", "overrides"),
        ("published", "publisher", "request_shown"),
        ("content", "parameters_shown"),
    )
    readonly_fields = (
        "name",
        "state",
        "kind_shown",
        "overrides",
        "publisher",
        "published",
        "request_shown",
        "content",
        "parameters_shown",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Version]:
        """Leave out the documents, which may be large."""
        queryset: QuerySet[Version] = super().get_queryset(request)
        found = queryset.select_related("request").defer("config_data", "coefficients")
        match = request.resolver_match
        is_list = match is not None and match.url_name == "overrides_version_changelist"
        return found if is_list else with_earnings(found)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.roll_back)
        return [path("<int:version_id>/roll-back/", view, name="overrides_version_roll_back"), *super().get_urls()]

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        whole = obj.n_overrides <= MOST_SHOWN_WHOLE
        return version_page(obj, request.GET.dict()) | {
            "may_roll_back": not obj.is_active and request.user.has_perm(DRAFT),
            "document": pretty(obj.config_data) if whole else None,
        }

    def roll_back(self, request: HttpRequest, version_id: int) -> HttpResponseBase:
        """Show what rolling back means and ask for a reason; POST drafts the request."""
        version = self.get_object(request, str(version_id))
        if version is None:
            raise Http404
        if not self.has_view_permission(request, version) or not request.user.has_perm(DRAFT):
            raise PermissionDenied
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            back = f"Roll {version.module} back to version {version.number}"
            title = f"Put the trial of {version.module} into force: {version}" if version.kind == TRIAL else back
            proposed = ProposedRequest(RequestKind.ROLLBACK, title, {"to": version.number})
            if version.is_active:
                form.add_error(None, f"{version} is in force: there is nothing to roll back to.")
            elif response := draft(request, version.module, form, proposed):
                return response
        context = self.admin_site.each_context(request) | {
            "title": f"Put {version} into force" if version.kind == TRIAL else f"Roll back to {version}",
            "opts": self.opts,
            "version": version,
            "form": form,
            **_effect(version),
        }
        return TemplateResponse(request, "overrides/versions/roll_back.html", context)

    @admin.display(description="version", ordering="number")
    def name(self, version: Version) -> str:
        return f"{version.module} {version.number}"

    @admin.display(description="state", ordering="is_active")
    def state(self, version: Version) -> SafeString:
        if version.is_active:
            return badge("active")
        return badge("never served") if version.kind == TRIAL else badge("superseded")

    @admin.display(description="change", ordering="kind")
    def kind_shown(self, version: Version) -> str:
        return in_words(version.kind)

    @admin.display(description="published by", ordering="published_by")
    def publisher(self, version: Version) -> str:
        return version.published_by

    @admin.display(description="overrides", ordering="n_overrides")
    def overrides(self, version: Version) -> SafeString:
        return number(version.n_overrides, 0)

    @admin.display(description="published", ordering="published_at")
    def published(self, version: Version) -> SafeString:
        return format_moment(version.published_at)

    @admin.display(description="request", ordering="request")
    def request_shown(self, version: Version) -> SafeString:
        if version.request is None:
            return MISSING
        where = reverse("admin:overrides_changerequest_change", args=[version.request.pk])
        return format_html('<a href="{}">{} {}</a>', where, version.request.pk, version.request.title)

    @admin.display(description="hash of the content")
    def content(self, version: Version) -> SafeString:
        return short(version.content_hash, 24)

    @admin.display(description="parameters")
    def parameters_shown(self, version: Version) -> SafeString:
        where = reverse("admin:overrides_parameterset_change", args=[version.parameters_id])
        return format_html('<a href="{}">{}</a>', where, short(version.parameters_id, 24))


def _effect(version: Version) -> dict[str, Any]:
    """Return the effect of putting the version into force, or why it is not known yet."""
    if version.is_active:
        return {}
    return shown(lambda: effect_of_rolling_back(version, datetime.now(UTC)))
