"""Why the materializer withdraws a line: what has become of its lesson, in words that a reviewer reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from learning.lessons.methods import METHODS
from learning.models import BuilderRun, Cell, Lesson
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.vocabulary import Channel, LearningMethod
from telemetry.foundation.core.number_text import typeset

MOST_CELLS = 200  # withdrawn lines whose cells are looked up


@dataclass(frozen=True)
class _CellNow:
    """A cell of today, and its edge over the baseline of the newest run."""

    n: int
    edge: float


def withdrawal_reasons(
    module: str, parameters: ModuleParameters, withdrawn: Mapping[str, OverrideSpec]
) -> dict[str, str]:
    """Return line -> why it is withdrawn, for lines that no lesson asks for any more."""
    if not withdrawn:
        return {}
    lessons = {each.line_id: each for each in Lesson.objects.filter(line_id__in=list(withdrawn))}
    cells = _cells_now(module, dict(list(withdrawn.items())[:MOST_CELLS]))
    return {
        line: _reason(spec, lessons.get(line), cells.get(line), parameters) for line, spec in sorted(withdrawn.items())
    }


def _reason(spec: OverrideSpec, lesson: Lesson | None, cell: _CellNow | None, parameters: ModuleParameters) -> str:
    channel = spec.channel or Channel.PM_STRENGTH
    served = parameters.channels[channel]
    if spec.policy is not served.policy:
        return f"it was learned by the {spec.policy} method, and {channel} is now served by {served.policy}"
    if lesson is None:
        return "no lesson stands behind it"
    if lesson.status == Lesson.Status.TOO_LIGHT:
        return f"its weight fell to {lesson.weight:.4f}, below the minimum of {served.weights.min_total_weight:g}"
    if lesson.status == Lesson.Status.ACTIVE:
        return _why_an_active_lesson_asks_for_nothing(spec, lesson)
    if METHODS[LearningMethod(lesson.policy)].verifies:
        return "the newest fit keeps no effect of its scope beyond what simpler scopes explain"
    return _unqualified(spec, lesson, cell, parameters)


def _why_an_active_lesson_asks_for_nothing(spec: OverrideSpec, lesson: Lesson) -> str:
    if spec.stats.edge_raw * lesson.edge_raw < 0:
        return (
            f"its edge changed sign, from {_edge(spec.stats.edge_raw)} to {_edge(lesson.edge_raw)}, and the target "
            "has not followed yet"
        )
    return f"its targets are back at neutral (edge {_edge(lesson.edge_raw)})"


def _unqualified(spec: OverrideSpec, lesson: Lesson, cell: _CellNow | None, parameters: ModuleParameters) -> str:
    """Return the first condition of the plan method that the cell of today fails."""
    lessons = parameters.lessons
    n_min = lessons.n_min_of(len(spec.scope))
    if cell is None:
        return f"its scope has fewer than the {n_min} trades that a lesson needs"
    now = f"{_edge(cell.edge)} over {cell.n} trades"
    if cell.n < n_min:
        return f"it rests on {cell.n} trades, and a lesson needs {n_min}"
    if abs(cell.edge) < lessons.edge_min:
        return f"its edge fell to {now}, and a lesson needs {lessons.edge_min:g} R"
    if cell.edge * spec.stats.edge_raw < 0:
        return f"its edge changed sign: it is {now} now"
    return (
        f"its edge is {now}, but a simpler scope explains it within {lessons.incremental_min:g} R, "
        f"{lessons.max_lessons} simpler lessons of the pattern come first, or it would weigh too little"
    )


def _cells_now(module: str, withdrawn: Mapping[str, OverrideSpec]) -> dict[str, _CellNow]:
    """Return the cells of these lines as aggregated now, in one query, with edges over the newest baseline."""
    run = BuilderRun.objects.filter(module=module, policy=LearningMethod.PLAN).only("baseline").first()
    if run is None or not withdrawn:
        return {}
    wanted = Q()
    for spec in withdrawn.values():
        wanted |= Q(
            group__pattern_key=spec.pattern_key,
            group__action_category=spec.action_category,
            n_dims=len(spec.scope),
            scope=dict(spec.scope),
        )
    rows = Cell.objects.filter(wanted, group__module=module).select_related("group")
    found = {_place(each.group.pattern_key, each.group.action_category, each.scope): each for each in rows}
    cells = {}
    for line, spec in withdrawn.items():
        cell = found.get(_place(spec.pattern_key, spec.action_category, spec.scope))
        mean = run.baseline.get(spec.action_category, {}).get("mean")
        if cell is not None and mean is not None and math.isfinite(mean):
            cells[line] = _CellNow(cell.n, cell.mean - mean)
    return cells


def _place(key: str, category: str, scope: Mapping[str, str]) -> tuple[Any, ...]:
    return key, category, tuple(sorted(scope.items()))


def _edge(value: float) -> str:
    return typeset(f"{value:+.3f} R")
