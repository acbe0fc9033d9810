"""The list of all levers, and the page of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from config.desk.levers.earned_so_far import Earned, earned_by_lever, scaling_levers
from config.desk.levers.identification import Identification, Measured, identification
from config.desk.levers.section import Asked
from config.desk.levers.sections import sections_of
from config.desk.levers.what_it_is import Row, row_of
from overrides.core.engine.definitions.levers import LEVERS
from overrides.versions.lever_targets import LeverTargets, lever_targets

PERMISSION = "overrides.view_line"


@dataclass(frozen=True)
class ListRow:
    """One lever of the list; `earned` is None where nothing was attributed to it."""

    row: Row
    identification: Identification
    targets: LeverTargets
    earned: Earned | None


def levers_page(request: HttpRequest) -> HttpResponse:
    """Show every lever of the registry."""
    _require(request)
    targets, earned, measured = lever_targets(), earned_by_lever(*scaling_levers()), Measured.read()
    context: dict[str, Any] = admin.site.each_context(request) | {
        "title": "Levers",
        "levers": [
            ListRow(row_of(lever), identification(lever, measured), targets[name], earned.get(name))
            for name, lever in LEVERS.items()
        ],
    }
    return TemplateResponse(request, "desk/levers/levers.html", context)


def lever_page(request: HttpRequest, name: str) -> HttpResponse:
    """Show one lever; 404 for a name that is none."""
    _require(request)
    lever = LEVERS.get(name)
    if lever is None:
        raise Http404(f"no lever has this name; known are {', '.join(LEVERS)}")
    asked = Asked(lever, datetime.now(UTC), request.GET.get("p", ""))
    context: dict[str, Any] = admin.site.each_context(request) | {
        "title": name,
        "lever": lever,
        "sections": sections_of(asked),
    }
    return TemplateResponse(request, "desk/levers/lever.html", context)


def _require(request: HttpRequest) -> None:
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
