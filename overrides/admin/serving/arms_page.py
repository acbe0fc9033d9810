"""The page of a module's explored levers: what each alternative has shown and cost, and what its replays are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse

from overrides.admin.charts.calibration import Calibration, calibration_chart
from overrides.admin.serving.arm_words import compliance_words, interval_words, verdict_words
from overrides.core.engine.exploring import explorable
from overrides.core.monitoring.scoring.calibration_bins import CalibrationBin
from overrides.models import ModuleMode
from overrides.monitoring.exploring.arm_counts import arm_counts
from overrides.monitoring.exploring.arms import ArmEffect, arm_effects
from telemetry.models import MODULES

VIEW = "overrides.view_modulemode"


@dataclass(frozen=True)
class ArmPanel:
    """One alternative on the page: its effect in words, and the pictures of its replays."""

    each: ArmEffect
    verdict: str
    compliance: str
    spent: float
    estimates: Sequence[tuple[str, str, str]]
    pictures: Sequence[tuple[str, Calibration]]


def arms_page(request: HttpRequest, module: str) -> HttpResponseBase:
    """Show what the explored levers of a module have shown."""
    if module not in dict(MODULES):
        raise Http404(f"there is no module {module}")
    if not request.user.has_perm(VIEW):
        raise PermissionDenied
    now = datetime.now(UTC)
    effects = arm_effects(module)
    context = admin.site.each_context(request) | {
        "title": f"Explored levers of {module}",
        "opts": ModuleMode._meta,
        "module": module,
        "panels": [_panel(each, now) for each in effects],
        "counts": arm_counts(module, {each.lever for each in effects}, now) if effects else None,
        "explorable": explorable(module),
    }
    return TemplateResponse(request, "overrides/serving/arms.html", context)


def _panel(each: ArmEffect, now: datetime) -> ArmPanel:
    effect, weighting, replayed = each.effect, each.effect.weighting, each.effect.replayed
    estimates = [
        ("doubly robust", interval_words(effect.interval), "the draw, corrected by the replays: the estimate"),
        ("the draw alone", interval_words(weighting.interval()), "needs no replay, and is wider"),
        ("the replays alone", interval_words(replayed.interval()), "nothing vouches for it"),
    ]
    if effect.left_out:
        serving = interval_words(effect.as_drawn.interval())
        estimates.append(("serving the alternative", serving, "by what was drawn, whatever the bot took of it"))
    spent = each.spent_in_week_of(now)
    return ArmPanel(each, verdict_words(effect), compliance_words(effect), spent, estimates, tuple(_pictures(each)))


def _pictures(each: ArmEffect) -> list[tuple[str, Calibration]]:
    found = (
        ("positions with the alternative", each.effect.calibration_alternative),
        ("positions with the served value", each.effect.calibration_served),
    )
    charts = [(name, _chart(bins)) for name, bins in found]
    return [(name, chart) for name, chart in charts if chart is not None]


def _chart(bins: Sequence[CalibrationBin]) -> Calibration | None:
    return calibration_chart({"groups": [asdict(each) for each in bins], "slope": None})
