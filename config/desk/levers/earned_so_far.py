"""What the overrides earned by each lever in closed trades, for levers to which outcomes are proportional."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count, Sum

from config.desk.levers.section import Asked, Section
from overrides.core.engine.definitions.levers import LEVERS
from telemetry.decisions.earnings import BY_OVERRIDES
from telemetry.models import AttributionShare


@dataclass(frozen=True)
class Earned:
    """Sum of the shares of overrides by one lever, in R per unit of size, and the closed trades they are of."""

    total: float
    trades: int


def earned_by_lever(*names: str) -> Mapping[str, Earned]:
    """Return what overrides earned by these levers; a lever without a share is absent."""
    shares = AttributionShare.objects.filter(BY_OVERRIDES, lever__in=names).order_by().values_list("lever")
    found = shares.annotate(Sum("share"), Count("attribution", distinct=True))
    return {name: Earned(total, trades) for name, total, trades in found}


def scaling_levers() -> list[str]:
    """Return the levers by which something can be said to have been earned."""
    return [lever.name for lever in LEVERS.values() if lever.scales_on]


def section(asked: Asked) -> Section:
    """Show what was earned by the lever, or that no number can be given."""
    lever = asked.lever
    earned = earned_by_lever(lever.name).get(lever.name) if lever.scales_on else None
    shown = {"has_number": bool(lever.scales_on), "earned": earned}
    return Section("earned", "What it earned", "desk/levers/earned_so_far.html", shown)
