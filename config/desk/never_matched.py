"""Page of lines in force, and of values, that no request met for 30 days; a person drafts their withdrawal from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse

from overrides.admin.line_lists import CHANNEL_WORDS
from overrides.admin.request_form import ReasonForm
from overrides.core.engine.definitions.vocabulary import Channel
from overrides.core.governance.errors import GovernanceError
from overrides.core.governance.permissions import DRAFT
from overrides.monitoring.unmet.line_use import WINDOW
from overrides.monitoring.unmet.never_matched import (
    IDLE,
    MEANINGS,
    Counted,
    UnsentValue,
    Unused,
    Use,
    counted,
    counts_by_use,
    unsent_values,
    unused_lines,
)
from overrides.requests.manual_entry import withdraw_by_hand
from overrides.requests.proposal_schema import MOST_LINES
from telemetry.foundation.admin.read_only import person
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.csv_cells import csv_lines
from telemetry.models import MODULES

PERMISSION = "overrides.view_line"
SHOWN = 100  # lines, and values, on the page; the CSV has all
TICKED, ALL = "ticked", "all"
COLUMNS = (
    "line", "module", "levers", "pattern_key", "action_category", "scope", "use", "last_matched", "last_acted",
    "asked_in_window", "in_force_since",
)  # fmt: skip
VALUE_COLUMNS = ("module", "dimension", "value", "lines_in_force", "in_allow_list", "last_sent", "dimension_last_sent")


def never_matched_page(request: HttpRequest) -> HttpResponseBase:
    """Show the lists of one module; POST drafts a request that withdraws the chosen lines."""
    module, use = _chosen(request)
    found = counted(module)
    form = ReasonForm(
        request.POST if request.method == "POST" else None, initial={"reason": _reason(module, use, found)}
    )
    if request.method == "POST":
        if not request.user.has_perm(DRAFT):
            raise PermissionDenied
        if form.is_valid() and (response := _drafted(request, module, use, found, form)):
            return response
    context: dict[str, Any] = admin.site.each_context(request) | {
        "title": "Never matched",
        "modules": [name for name, _ in MODULES],
        "module": module,
        "chosen": use,
        "form": form,
        "counted": found,
        "days": WINDOW.days,
        "shown": SHOWN,
        "most_lines": MOST_LINES,
        "may_draft": request.user.has_perm(DRAFT),
        **(_lists(module, use, found) if found.is_enough else {}),
    }
    return TemplateResponse(request, "desk/never_matched.html", context)


def never_matched_csv(request: HttpRequest) -> HttpResponseBase:
    """Stream the lines of the chosen list as CSV."""
    module, use = _chosen(request)
    found = counted(module)
    rows = _lines(module, use, found) if found.is_enough else []
    return _csv("never-matched", module, csv_lines(COLUMNS, (_cells(module, each) for each in rows)))


def never_matched_values_csv(request: HttpRequest) -> HttpResponseBase:
    """Stream the values of a module that no request carried as CSV."""
    module, _ = _chosen(request)
    found = counted(module)
    rows = unsent_values(module, found.until) if found.is_enough and found.until else []
    return _csv("values-never-sent", module, csv_lines(VALUE_COLUMNS, (_value_cells(each) for each in rows)))


def _chosen(request: HttpRequest) -> tuple[str, Use | None]:
    """Return the module and the list that a request chooses. Raises PermissionDenied."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    asked = request.POST if request.method == "POST" else request.GET
    names = [name for name, _ in MODULES]
    module, use = asked.get("module", ""), asked.get("use", "")
    return module if module in names else names[-1], Use(use) if use in set(Use) else None


def _lines(module: str, use: Use | None, found: Counted, most: int | None = None) -> list[Unused]:
    return unused_lines(module, found.until, IDLE if use is None else (use,), most) if found.until else []


def _lists(module: str, use: Use | None, found: Counted) -> dict[str, Any]:
    """Return the lists of a module, and how long each is."""
    if found.until is None:
        return {}
    counts = counts_by_use(module, found.until)
    idle = sum(counts[each] for each in IDLE)
    values = unsent_values(module, found.until, SHOWN + 1)
    return {
        "lines": [(each, CHANNEL_WORDS[Channel(each.channel)]) for each in _lines(module, use, found, SHOWN)],
        "total": idle if use is None else counts[use],
        "uses": [(each, MEANINGS[each], counts[each], _address(module, each), each in IDLE) for each in Use],
        "idle": (idle, _address(module, None)),
        "values": values[:SHOWN],
        "has_more_values": len(values) > SHOWN,
        "csv": _address(module, use, "never_matched_csv"),
        "values_csv": _address(module, None, "never_matched_values_csv"),
    }


def _address(module: str, use: Use | None, route: str = "never_matched") -> str:
    asked = {"module": module} | ({} if use is None else {"use": use.value})
    return f"{reverse(route)}?{urlencode(asked)}"


def _reason(module: str, use: Use | None, found: Counted) -> str:
    """Return the reason that the form begins with."""
    if found.until is None:
        return ""
    finding = "took part in no answer" if use is None else f"are listed as “{use.value}”"
    return (
        f"These lines are in force and {finding} in the {WINDOW.days} days before {found.until:%Y-%m-%d %H:%M} UTC, "
        f"in which {found.decisions:,} requests of {module} were answered."
    )


def _drafted(
    request: HttpRequest, module: str, use: Use | None, found: Counted, form: ReasonForm
) -> HttpResponse | None:
    """Draft the request and lead to it; None if it was refused, in which case the form shows why."""
    lines = request.POST.getlist("line")
    if request.POST.get("which") == ALL:
        lines = [each.line for each in _lines(module, use, found, MOST_LINES)]
    if not lines:
        form.add_error(None, "Tick the lines to withdraw, or choose all lines of the list")
        return None
    if len(lines) > MOST_LINES:
        form.add_error(None, f"A request withdraws at most {MOST_LINES} lines; tick fewer")
        return None
    reason = form.cleaned_data["reason"]
    try:
        drafted = withdraw_by_hand(module=module, lines=lines, by=person(request), reason=reason, at=datetime.now(UTC))
    except GovernanceError as refusal:
        form.refuse(refusal)
        return None
    messages.success(request, f"Request {drafted.pk} is drafted and waits for a reviewer")
    return HttpResponseRedirect(reverse("admin:overrides_changerequest_change", args=[drafted.pk]))


def _csv(name: str, module: str, lines: Iterator[str]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-{module}.csv"'
    return response


def _cells(module: str, each: Unused) -> dict[str, Any]:
    plain = {name: getattr(each, name) for name in ("line", "pattern_key", "action_category", "scope")}
    times = {name: _time(getattr(each, name)) for name in ("last_matched", "last_acted", "in_force_since")}
    return plain | times | {
        "module": module, "levers": each.channel, "use": each.use.value, "asked_in_window": each.asked
    }  # fmt: skip


def _value_cells(each: UnsentValue) -> dict[str, Any]:
    return {
        "module": each.module,
        "dimension": each.dimension,
        "value": each.value,
        "lines_in_force": each.n_lines,
        "in_allow_list": each.is_allowed,
        "last_sent": _time(each.last_sent),
        "dimension_last_sent": _time(each.dimension_sent),
    }


def _time(at: datetime | None) -> str:
    return "" if at is None else utc_text(at)
