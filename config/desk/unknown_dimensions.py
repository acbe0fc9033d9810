"""Page of the dimensions that bots send and no module knows: recorded with every action, and not learned from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from config.desk.coverage import PERMISSION
from overrides.core.engine.definitions.own_dimensions import NAME, number_of
from overrides.core.governance.permissions import DRAFT, PROPOSE_PARAMETERS
from overrides.versions.unknown_dimensions import sent_and_unknown
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.csv_cells import csv_lines
from telemetry.models import MODULES
from telemetry.recording.dimension_use import DAYS, LOOKED_THROUGH, MOST_ROWS, WINDOW, Sent

COLUMNS = (
    "module", "dimension", "actions", "n_actions", "decisions", "n_decisions", "n_values", "most_frequent", "first",
    "last",
)  # fmt: skip
MANY_VALUES = 12  # from here on, a dimension whose values are numbers is better cut than compared value by value


def unknown_dimensions_page(request: HttpRequest) -> HttpResponseBase:
    """Show the unknown dimensions of all modules; parameter admins find the way to add each."""
    now = _permitted(request)
    rows = sent_and_unknown(now)
    may_add = request.user.has_perms((DRAFT, PROPOSE_PARAMETERS))
    context: dict[str, Any] = admin.site.each_context(request) | {
        "title": "Unknown dimensions",
        "modules": [
            (module, [_shown(each, may_add) for each in rows if each.module == module]) for module, _ in MODULES
        ],
        "days": DAYS.days,
        "window": WINDOW,
        "looked_through": LOOKED_THROUGH,
        "most_rows": MOST_ROWS,
        "as_of": now,
        "may_add": may_add,
    }
    return TemplateResponse(request, "desk/unknown_dimensions.html", context)


def unknown_dimensions_csv(request: HttpRequest) -> HttpResponseBase:
    """Stream the same rows as CSV."""
    rows = sent_and_unknown(_permitted(request))
    response = StreamingHttpResponse(csv_lines(COLUMNS, _cells(rows)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="unknown-dimensions.csv"'
    return response


def _permitted(request: HttpRequest) -> datetime:
    """Return the time of a request whose sender may see the page. Raises PermissionDenied."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    return datetime.now(UTC)


def _shown(sent: Sent, may_add: bool) -> dict[str, Any]:
    """Return a row of the page; a name that no parameters may declare has no way to add it."""
    can_be_added = may_add and NAME.fullmatch(sent.dimension) is not None
    form = reverse("admin:overrides_parameterset_propose", args=[sent.module])
    are_numbers = all(number_of(value) is not None for value, _ in sent.most_frequent)
    return {
        "sent": sent,
        "actions": 100 * sent.share_of_actions,
        "decisions": 100 * sent.share_of_decisions,
        "more": sent.n_values - len(sent.most_frequent),
        "asks_for_cuts": are_numbers and sent.n_values > MANY_VALUES,
        "add": f"{form}?{urlencode({'add': sent.dimension})}" if can_be_added else "",
    }


def _cells(rows: list[Sent]) -> Iterator[dict[str, Any]]:
    for each in rows:
        plain = {name: getattr(each, name) for name in COLUMNS}
        times = {"first": utc_text(each.first), "last": utc_text(each.last)}
        yield plain | times | {"most_frequent": "; ".join(f"{value} ({count})" for value, count in each.most_frequent)}
