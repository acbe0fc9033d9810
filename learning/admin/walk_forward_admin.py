"""Walk-forward pages: a comparison of learning methods by module, the runs behind it, and a button for new ones."""

from __future__ import annotations

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
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from learning.admin.walk_forward_page import COLUMNS, csv_rows, walk_page
from learning.models import WalkForward
from learning.validation.strength_runs import request_strengths
from learning.validation.walk_forward_runs import choice_of, request_walk_forward
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.core.governance.permissions import DRAFT, LOWER
from telemetry.foundation.admin.formatting import MISSING, badge, format_moment, number, pretty
from telemetry.foundation.admin.read_only import FactAdmin, one_of
from telemetry.foundation.core.csv_cells import csv_lines
from telemetry.models import MODULES

MAY_REQUEST = (LOWER, DRAFT)  # operators and authors of requests


@admin.register(WalkForward)
class WalkForwardAdmin(FactAdmin):
    """Read-only list of walk-forward runs, with the pages that compare them."""

    nothing_yet = "Every night each module's trades are walked; its page of walk-forward has a button."
    change_form_template = "learning/walk_forward/run.html"
    csv_fields = (
        "key", "module", "policy", "combiner", "status", "folds", "n_outcomes", "as_of", "asked_at", "code_version",
        "figures",
    )  # fmt: skip
    list_display = ("what", "state", "trades", "uplift", "matched", "slope", "as_of_shown")
    list_filter = ("module", one_of("policy", LearningMethod, "learning method"))
    fields = (("state", "as_of_shown", "trades", "folds", "code_version"), "error_shown", "parameters_shown")
    readonly_fields = ("state", "as_of_shown", "trades", "error_shown", "parameters_shown")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("of/<str:module>/", view(self.compare), name="learning_walkforward_module"),
            path("of/<str:module>/walk.csv", view(self.export), name="learning_walkforward_export"),
            path("of/<str:module>/again/", require_POST(view(self.again)), name="learning_walkforward_again"),
            *super().get_urls(),
        ]

    def compare(self, request: HttpRequest, module: str) -> HttpResponse:
        """Show the module's learning methods side by side."""
        self._require_view(request, module)
        context = self.admin_site.each_context(request) | {
            "title": f"Walk-forward of {module}",
            "opts": self.opts,
            "module": module,
            "may_ask": _may_request(request),
            **walk_page(module),
        }
        return TemplateResponse(request, "learning/walk_forward/module.html", context)

    def export(self, request: HttpRequest, module: str) -> HttpResponseBase:
        """Return all numbers of the comparison as one CSV table."""
        self._require_view(request, module)
        response = StreamingHttpResponse(csv_lines(COLUMNS, csv_rows(module)), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="walk-forward-{module}.csv"'
        return response

    def again(self, request: HttpRequest, module: str) -> HttpResponseBase:
        """Request walk-forward runs of the current facts, and strengths; the page shows their progress."""
        self._require_view(request, module)
        if not _may_request(request):
            raise PermissionDenied
        at = datetime.now(UTC)
        request_strengths(module=module, now=at)
        rows = request_walk_forward(module=module, now=at)
        is_known = all(row.status == WalkForward.Status.DONE for row in rows)
        words = "Nothing has changed since these walks" if is_known else "Walking; the page shows how far it is"
        self.message_user(request, words, messages.INFO if is_known else messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:learning_walkforward_module", args=[module]))

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {"walk": obj}

    def _require_view(self, request: HttpRequest, module: str) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if module not in dict(MODULES):
            raise Http404(f"there is no module {module}")

    @admin.display(description="walk", ordering="asked_at")
    def what(self, row: WalkForward) -> str:
        return f"{row.module} {choice_of(row)}"

    @admin.display(description="status")
    def state(self, row: WalkForward) -> SafeString:
        return badge(row.status)

    @admin.display(description="trades replayed")
    def trades(self, row: WalkForward) -> SafeString:
        return number((row.figures or {}).get("n"), 0)

    @admin.display(description="R gained per 1,000 trades")
    def uplift(self, row: WalkForward) -> SafeString:
        return _banded(row, "uplift")

    @admin.display(description="at equal average size")
    def matched(self, row: WalkForward) -> SafeString:
        return _banded(row, "matched")

    @admin.display(description="calibration slope")
    def slope(self, row: WalkForward) -> SafeString:
        return number((row.figures or {}).get("calibration", {}).get("slope"), 2)

    @admin.display(description="as of", ordering="as_of")
    def as_of_shown(self, row: WalkForward) -> SafeString:
        return format_moment(row.as_of)

    @admin.display(description="error")
    def error_shown(self, row: WalkForward) -> str:
        return row.error or "none"

    @admin.display(description="parameters")
    def parameters_shown(self, row: WalkForward) -> SafeString:
        return pretty(row.parameters)


def _may_request(request: HttpRequest) -> bool:
    return any(request.user.has_perm(permission) for permission in MAY_REQUEST)


def _banded(row: WalkForward, name: str) -> SafeString:
    """Return an uplift with its band."""
    uplift = (row.figures or {}).get(name)
    if uplift is None:
        return MISSING
    shown = [number(uplift[end], 2, signed=True) for end in ("mean", "low", "high")]
    return format_html('{} <span class="cw-quiet">[{}, {}]</span>', *shown)
