"""Targets of levers in force: how many lines ask for one and how far, and the lines of one lever, strongest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db import connection
from django.db.models import F, FloatField, QuerySet, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Abs, Cast, Ln
from django.utils.safestring import SafeString

from config.desk.levers.section import Asked, Section
from overrides.admin.line_lists import in_force
from overrides.admin.weight_display import Weights
from overrides.core.engine.definitions.levers import LEVERS, Lever
from overrides.core.engine.definitions.vocabulary import Blend
from overrides.models import Override
from telemetry.models import AttributionShare

ON_A_PAGE = 50
_COUNTED = """
SELECT lever.name, count(*), count(*) FILTER (WHERE target.value::float8 > lever.neutral),
    count(*) FILTER (WHERE target.value::float8 < lever.neutral),
    avg(CASE WHEN lever.is_log THEN ln(target.value::float8 / lever.neutral)
        ELSE target.value::float8 - lever.neutral END)
FROM overrides_membership AS membership
JOIN overrides_override AS override ON override.id = membership.override_id
CROSS JOIN LATERAL jsonb_each(override.levers) AS target (name, value)
JOIN unnest(%s::text[], %s::float8[], %s::boolean[]) AS lever (name, neutral, is_log) ON lever.name = target.name
WHERE membership.to_version IS NULL GROUP BY lever.name
"""


@dataclass(frozen=True)
class Moved:
    """The targets of one lever in force: how many, how many of them above and below neutral, and their mean.

    `mean` is a value of the lever: the geometric mean for a multiple, the arithmetic one otherwise; None without lines.
    """

    lines: int = 0
    above: int = 0
    below: int = 0
    mean: float | None = None


@dataclass(frozen=True)
class TargetRow:
    """A line in force with its target of the lever, the weight of its override, and what it earned by the lever."""

    override: Override
    target: float
    weight: SafeString
    earned: float | None


@dataclass(frozen=True)
class Targets:
    """What the section shows."""

    lever: Lever
    moved: Moved
    page: Page[Any]
    rows: Sequence[TargetRow]
    has_number: bool


def moved_in_force(*levers: Lever) -> Mapping[str, Moved]:
    """Return the targets in force of these levers by name, in one query; every lever has an entry."""
    columns = (
        [each.name for each in levers],
        [each.neutral for each in levers],
        [each.blend is Blend.LOG for each in levers],
    )
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, columns)
        counted = {
            name: Moved(lines, above, below, LEVERS[name].value_at(unit))
            for name, lines, above, below, unit in cursor.fetchall()
        }
    return {each.name: counted.get(each.name, Moved()) for each in levers}


def targets_of(lever: Lever) -> QuerySet[Override]:
    """Return the overrides in force that have a target of the lever, the farthest from neutral first."""
    target = Cast(KeyTextTransform(lever.name, "levers"), FloatField())
    away = Ln(F("target") / lever.neutral) if lever.blend is Blend.LOG else F("target") - lever.neutral
    found = Override.objects.filter(in_force(), levers__has_key=lever.name).annotate(target=target)
    return found.order_by(Abs(away).desc(), "id").select_related("line")


def section(asked: Asked) -> Section:
    """Show the lines in force that ask for a value of the lever."""
    lever = asked.lever
    page = Paginator(targets_of(lever), ON_A_PAGE).get_page(asked.page)
    rows = list(_rows(lever, list(page.object_list), Weights(asked.now)))
    shown = Targets(lever, moved_in_force(lever)[lever.name], page, rows, bool(lever.scales_on))
    return Section("targets", "Targets in force", "desk/levers/targets_in_force.html", shown)


def _rows(lever: Lever, overrides: list[Any], weights: Weights) -> Iterator[TargetRow]:
    earned = _earned(lever, [each.line_id for each in overrides]) if lever.scales_on else {}
    for each in overrides:
        yield TargetRow(each, each.target, weights.bar(each), earned.get(each.line_id))


def _earned(lever: Lever, lines: list[str]) -> dict[str, float]:
    """Return what lines earned by the lever, whichever override was in force; one without a share is absent."""
    shares = AttributionShare.objects.filter(line_id__in=lines, lever=lever.name)
    return dict(shares.order_by().values_list("line_id").annotate(Sum("share")))
