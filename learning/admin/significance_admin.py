"""A module's page on edge and noise, its tables as CSV, and the noise twins behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from learning.admin.significance_page import (
    FOREST_COLUMNS,
    FUNNEL_COLUMNS,
    TWIN_COLUMNS,
    PageQuery,
    are_computed,
    evidence_page,
    forest_table,
    funnel_table,
    policy_in_force,
    read_query,
    twin_table,
)
from learning.core.significance.twin_gate import SEEDS
from learning.lessons.candidates import LEARNED_CHANNELS
from learning.models import BuilderRun, NoiseTwin
from learning.validation.noise_twin_runs import request_twins
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.core.governance.permissions import DRAFT, LOWER
from telemetry.foundation.admin.formatting import badge, format_moment
from telemetry.foundation.admin.read_only import FactAdmin, one_of
from telemetry.foundation.core.csv_cells import csv_lines

MAY_REQUEST = (LOWER, DRAFT)  # operators and authors of requests
MAY_VIEW = ("learning.view_builderrun", "learning.view_lesson")
Table = Callable[[str, PageQuery], Iterable[Mapping[str, Any]]]


def evidence_urls(guarded: Callable[..., Callable[..., HttpResponseBase]]) -> list[URLPattern]:
    """Return the routes of the page and its tables; `guarded` is the admin's wrapper of views."""
    page = path("<str:module>/evidence/", guarded(_page), name="learning_builderrun_evidence")
    return [
        page,
        *(
            path(
                f"<str:module>/evidence/{name}.csv", guarded(_table), {"name": name}, name=f"learning_builderrun_{name}"
            )
            for name in TABLES
        ),
    ]


def _page(request: HttpRequest, module: str) -> HttpResponse:
    """Show the page."""
    _require_view(request, module)
    query = read_query(module, request.GET)
    context = admin.site.each_context(request) | {
        "title": f"Evidence of {module}, policy {query.policy}",
        "opts": BuilderRun._meta,
        "may_ask": _may_request(request),
        "seeds": SEEDS,
        **evidence_page(module, query),
    }
    return TemplateResponse(request, "learning/significance/significance.html", context)


def _table(request: HttpRequest, module: str, name: str) -> HttpResponseBase:
    """Return one of the page's tables as CSV."""
    _require_view(request, module)
    columns, rows = TABLES[name]
    query = read_query(module, request.GET)
    response = StreamingHttpResponse(csv_lines(columns, rows(module, query)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-{module}-{query.policy}.csv"'
    return response


TABLES: Mapping[str, tuple[tuple[str, ...], Table]] = {
    "funnel": (FUNNEL_COLUMNS, lambda module, query: funnel_table(module, query.policy)),
    "forest": (FOREST_COLUMNS, forest_table),
    "twins": (TWIN_COLUMNS, lambda module, query: twin_table(module, query.policy)),
}


@admin.register(NoiseTwin)
class NoiseTwinAdmin(FactAdmin):
    """Read-only list of noise twins, with a button that requests new ones."""

    nothing_yet = "A module's page of evidence has a button that counts them."
    list_display = ("what", "state", "found", "count", "seed", "as_of_shown")
    list_filter = ("module", one_of("policy", LearningMethod, "learning method"))
    fields = (("module", "policy", "seed", "state"), ("found", "count", "as_of_shown"), "error_shown")
    readonly_fields = ("state", "as_of_shown", "error_shown")

    def get_urls(self) -> list[URLPattern]:
        again = require_POST(self.admin_site.admin_view(self.again))
        return [path("of/<str:module>/again/", again, name="learning_noisetwin_again"), *super().get_urls()]

    def again(self, request: HttpRequest, module: str) -> HttpResponseBase:
        """Request the noise twins of the current facts; the page shows their progress."""
        _require_view(request, module)
        if not _may_request(request):
            raise PermissionDenied
        policies = {each.value: each for each in LearningMethod}
        policy = policies.get(request.POST.get("policy", "")) or policy_in_force(module)
        known = are_computed(request_twins(module=module, policy=policy, now=datetime.now(UTC)))
        words = "Nothing has changed since these twins" if known else "Counting; the page shows how far it is"
        self.message_user(request, words, messages.INFO if known else messages.SUCCESS)
        page = reverse("admin:learning_builderrun_evidence", args=[module])
        return HttpResponseRedirect(f"{page}?policy={policy}#cw-twin")

    @admin.display(description="twin", ordering="asked_at")
    def what(self, row: NoiseTwin) -> str:
        return f"{row.module} {row.policy}"

    @admin.display(description="status")
    def state(self, row: NoiseTwin) -> SafeString:
        return badge(row.status)

    @admin.display(description="as of", ordering="as_of")
    def as_of_shown(self, row: NoiseTwin) -> SafeString:
        return format_moment(row.as_of)

    @admin.display(description="error")
    def error_shown(self, row: NoiseTwin) -> str:
        return row.error or "none"


def _require_view(request: HttpRequest, module: str) -> None:
    """Raise PermissionDenied or Http404 unless the person may see the module's page."""
    if not all(request.user.has_perm(each) for each in MAY_VIEW):
        raise PermissionDenied
    if module not in LEARNED_CHANNELS:
        raise Http404(f"there is no module {module}")


def _may_request(request: HttpRequest) -> bool:
    return any(request.user.has_perm(permission) for permission in MAY_REQUEST)
