"""The page Earned: what the levers earned as a whole per module and book, and what the holdback says about that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse

from config.desk.earned_words import (
    NOTHING_COUNTED,
    contrast_words,
    decimals_of,
    months_words,
    neutral_words,
    scope_words,
    unseen_words,
    verdict_words,
)
from overrides.admin.charts.earned_sum import earned_sum
from overrides.core.monitoring.days.day_sequence import FEWEST_DAYS
from overrides.monitoring.earning.earned import LEFT_OUT, UNMOVED, Earned, earned_by_book
from overrides.monitoring.earning.holdback import holdback_contrast
from overrides.monitoring.earning.refresh_earned import first_switched_on
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.csv_cells import csv_lines

PERMISSION = "telemetry.view_attribution"
COLUMNS = (
    "module", "book", "first_day", "last_day", "days", "positions", "moved", "total", "mean", "low", "high",
    "neutral_mean", "neutral_low", "neutral_high", "verdict", "further_days", "superseded", "without_rr", "waiting",
    "opened_before", "adds_without_leg", "unknown_decision", "unfit_decision", "computed_at",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One module and book in the table, with the address of its chart and the decimals of its means."""

    each: Earned
    scope: str
    url: str
    is_shown: bool
    decimals: int


def earned_page(request: HttpRequest) -> HttpResponse:
    """Show what was earned by every module in every book, with the chart of the chosen one."""
    _require(request)
    found = earned_by_book()
    shown = _chosen(request, found)
    context: dict[str, Any] = admin.site.each_context(request) | {
        "title": "Earned",
        "since": sorted(first_switched_on().items()),
        "shown": shown,
        "fewest": FEWEST_DAYS,
        "nothing_counted": NOTHING_COUNTED,
        "lines": [_line(each, shown) for each in found],
    }
    if shown is not None:
        context |= {
            "scope": scope_words(shown),
            "verdict": verdict_words(shown),
            "neutral": neutral_words(shown),
            "picture": earned_sum(shown.found),
            "unmoved": [(count, UNMOVED[name]) for name, count in shown.unmoved.items() if count],
            "left_out": [(count, LEFT_OUT[name]) for name, count in shown.left_out.items() if count],
        }
    return TemplateResponse(request, "desk/earned.html", context | _holdback(found))


def earned_csv(request: HttpRequest) -> HttpResponseBase:
    """Stream the table as CSV."""
    _require(request)
    rows = (_csv_row(each) for each in earned_by_book())
    response = StreamingHttpResponse(csv_lines(COLUMNS, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="earned.csv"'
    return response


def _holdback(found: Sequence[Earned]) -> dict[str, Any]:
    """Return the contrast over all books in words; what it is measured by is the replay of all modules and books."""
    contrast = holdback_contrast()
    if contrast is None:
        return {"contrast": None}
    replayed = next((each.interval for each in found if each.module is None and each.book is None), None)
    return {
        "contrast": contrast,
        "contrast_verdict": contrast_words(contrast),
        "unseen": unseen_words(contrast),
        "months": months_words(contrast, replayed),
    }


def _chosen(request: HttpRequest, found: Sequence[Earned]) -> Earned | None:
    """Return the module and book of the address, by default all of both; 404 for others than those in the table."""
    module, book = request.GET.get("module") or None, request.GET.get("book") or None
    chosen = next((each for each in found if (each.module, each.book) == (module, book)), None)
    if chosen is None and (module or book):
        raise Http404("no closed position of this module and book")
    return chosen


def _line(each: Earned, shown: Earned | None) -> Line:
    chosen = {name: value for name, value in (("module", each.module), ("book", each.book)) if value}
    url = reverse("earned_page") + (f"?{urlencode(chosen)}" if chosen else "")
    return Line(each, scope_words(each), url, each is shown, decimals_of(each.interval) if each.interval else 0)


def _require(request: HttpRequest) -> None:
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied


def _csv_row(each: Earned) -> dict[str, Any]:
    mean, neutral = each.interval, each.exposure_neutral
    return {
        "module": each.module or "",
        "book": each.book or "",
        "first_day": each.first,
        "last_day": each.last,
        "days": each.days,
        "positions": each.trades,
        "moved": each.moved,
        "total": each.total if mean else None,
        **{name: getattr(mean, name, None) for name in ("mean", "low", "high")},
        **{f"neutral_{name}": getattr(neutral, name, None) for name in ("mean", "low", "high")},
        "verdict": each.verdict.value,
        "further_days": each.further_days,
        **each.left_out,
        "adds_without_leg": each.unmoved["without_leg"],
        "unknown_decision": each.unmoved["unknown_decision"],
        "unfit_decision": each.unmoved["unfit_decision"],
        "computed_at": None if each.computed_at is None else utc_text(each.computed_at),
    }
