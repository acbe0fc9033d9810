"""The challenger page: the latest comparison of a module with its time, and a button that requests a new one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.urls import reverse

from overrides.admin.charts.impact_histogram import histograms
from overrides.core.monitoring.replaying.challenger import FEW
from overrides.models import Challenge, ModuleMode
from overrides.monitoring.replaying.challenger import latest, request_comparison
from telemetry.foundation.core.csv_cells import csv_lines
from telemetry.models import MODULES

VIEW = "overrides.view_modulemode"
COLUMNS = (
    "lever", "decisions", "either_moves", "either_same_side", "either_close", "either_correlation", "both_move",
    "both_same_side", "both_close", "both_correlation", "live_mean", "live_sd", "live_at_bounds",
    "challenger_mean", "challenger_sd", "challenger_at_bounds", "closed_trades", "days", "live_uplift", "live_low",
    "live_high", "challenger_uplift", "challenger_low", "challenger_high", "difference", "difference_low",
    "difference_high",
)  # fmt: skip


class PeriodForm(forms.Form):
    """Asks how many days to compare."""

    days = forms.IntegerField(label="Days back from now", min_value=1, max_value=3650, initial=90)


def challenger_page(request: HttpRequest, module: str) -> HttpResponseBase:
    """Show the latest comparison, as a page or as CSV; POST requests a new one."""
    if module not in dict(MODULES):
        raise Http404(f"there is no module {module}")
    if not request.user.has_perm(VIEW):
        raise PermissionDenied
    form = PeriodForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        now = datetime.now(UTC)
        request_comparison(module=module, since=now - timedelta(days=form.cleaned_data["days"]), until=now, now=now)
        messages.success(request, "The comparison is being computed; this page shows it once it is done")
        return HttpResponseRedirect(reverse("admin:overrides_modulemode_challenger", args=[module]))
    row = latest(module)
    if row is not None and request.GET.get("format") == "csv":
        return _csv(row)
    document = row.document if row else None
    context = admin.site.each_context(request) | {
        "title": f"Live against challenger: {module}",
        "opts": ModuleMode._meta,
        "module": module,
        "mode": ModuleMode.objects.select_related("challenger").filter(pk=module).first(),
        "form": form,
        "row": row,
        "newest": Challenge.objects.filter(module=module).defer("document").first(),
        "found": document,
        "few": FEW,
        "pictures": histograms(document) if document else (),
    }
    return TemplateResponse(request, "overrides/serving/challenger.html", context)


def _csv(row: Challenge) -> StreamingHttpResponse:
    assert row.document is not None
    rows = [dict(zip(COLUMNS, [name, *_numbers(lever)], strict=True)) for name, lever in row.document["levers"].items()]
    response = StreamingHttpResponse(csv_lines(COLUMNS, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="challenger-{row.module}-{row.until:%Y-%m-%d}.csv"'
    return response


def _numbers(lever: dict[str, Any]) -> list[Any]:
    shares = [  # missing in older comparisons
        lever.get(among, {}).get(name)
        for among in ("either", "both")
        for name in ("n", "same_side", "close", "correlation")
    ]
    moved = [lever[side][name] for side in ("live", "challenger") for name in ("mean", "sd", "at_bounds")]
    earned = lever.get("outcome") or {}
    bands = [
        (earned.get(side) or {}).get(name)
        for side in ("live", "challenger", "difference")
        for name in ("mean", "low", "high")
    ]
    return [lever["requests"], *shares, *moved, earned.get("n"), earned.get("days"), *bands]
