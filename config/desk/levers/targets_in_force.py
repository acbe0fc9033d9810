"""Targets of a lever in force: how many lines ask for one and how far, and these lines, strongest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Sum
from django.utils.safestring import SafeString

from config.desk.levers.section import Asked, Section
from overrides.admin.weight_display import Weights
from overrides.core.engine.definitions.levers import Lever
from overrides.models import Override
from overrides.versions.lever_targets import LeverTargets, lever_targets
from telemetry.models import AttributionShare

ON_A_PAGE = 50


@dataclass(frozen=True)
class TargetRow:
    """A line in force with its target of the lever, its weight, whether it acts now, and what it earned by it."""

    override: Override
    target: float
    weight: float
    acts: SafeString
    earned: float | None


@dataclass(frozen=True)
class Targets:
    """What the section shows."""

    lever: Lever
    found: LeverTargets
    page: Page[Any]
    rows: Sequence[TargetRow]


def section(asked: Asked) -> Section:
    """Show the lines in force that ask for a value of the lever."""
    found = lever_targets()[asked.lever.name]
    page = Paginator(range(len(found)), ON_A_PAGE).get_page(asked.page)
    ids = found.slice_of(page.start_index() - 1, page.end_index()) if len(found) else []
    shown = Targets(asked.lever, found, page, list(_rows(asked.lever, ids, asked.now)))
    return Section("targets", "Targets in force", "desk/levers/targets_in_force.html", shown)


def _rows(lever: Lever, ids: Sequence[str], now: datetime) -> Iterator[TargetRow]:
    known = Override.objects.select_related("line").in_bulk(ids)
    weights, earned = Weights(now), _earned(lever, [each.line_id for each in known.values()])
    for each in (known[name] for name in ids if name in known):
        weight = weights.of(each).total
        yield TargetRow(each, each.levers[lever.name], weight, weights.acts_today(each), earned.get(each.line_id))


def _earned(lever: Lever, lines: Sequence[str]) -> dict[str, float]:
    """Return what lines earned by a lever, whichever override was in force; one without a share is absent."""
    if not lever.scales_on:
        return {}
    shares = AttributionShare.objects.filter(line_id__in=lines, lever=lever.name)
    return dict(shares.order_by().values_list("line_id").annotate(Sum("share")))
