"""Cells into lessons as the plan has it (plan sections 4 to 6, design 6.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from learning.core.baseline import Baseline, baseline_of
from learning.core.history import days_of, weeks_of
from learning.core.lessons import Candidates, Standing, select, stats_of
from learning.core.movement import LESSON_NAMES, lever_movements
from learning.core.rows import MISSING
from learning.found import LEARNED_CHANNELS, Found, Search
from learning.load import Group, GroupRows, load_category, load_cells, load_group, scope_of
from learning.models import CellGroup, Lesson
from overrides.core.module import ModuleParameters
from overrides.core.vocabulary import Policy

BUILDER = "plan 1"


def find_plan_lessons(module: str, parameters: ModuleParameters) -> Search:
    """What the cells of a module say under policy plan; the same cells and facts, the same lessons and targets."""
    groups = list(CellGroup.objects.filter(module=module).order_by("pattern_key", "action_category"))
    baselines = _baselines(module, {group.action_category for group in groups}, parameters)
    found, n_candidates = [], 0
    for row in groups:
        candidates, lessons = find_lessons(row, baselines[row.action_category].mean, parameters)
        n_candidates += len(candidates)
        found += lessons
    return Search(baselines, sum(group.n_cells for group in groups), n_candidates, found, BUILDER)


def find_lessons(row: CellGroup, baseline: float, parameters: ModuleParameters) -> tuple[Candidates, list[Found]]:
    """The candidates of one group, and those of them worth keeping: lessons, and what is too light to act."""
    lessons = parameters.lessons
    channel = LEARNED_CHANNELS[row.module]
    weights = parameters.channels[channel].weights
    cells, values = load_cells(row)
    candidates = select(cells, baseline, lessons, weights)
    group = Group(row.module, row.pattern_key, row.action_category)
    found = [
        Found(
            group=group,
            channel=channel,
            policy=Policy.PLAN,
            scope=scope_of(cells.codes[cell].tolist(), row.dimensions, values),
            status=Lesson.Status.ACTIVE if standing == Standing.LESSON else Lesson.Status.TOO_LIGHT,
            stats=stats_of(cells, cell, baseline, lessons.default_half_life_days),
            baseline=baseline,
            weight=weight,
            facts={"incremental_edge": incremental_edge, "updates": 0},
        )
        for cell, incremental_edge, weight, standing in _rows(candidates)
        if standing != Standing.SURPLUS
    ]
    return candidates, _moved(found, row, parameters)


def _rows(candidates: Candidates) -> Iterator[tuple[int, float, float, int]]:
    columns = (candidates.cell, candidates.incremental_edge, candidates.weight, candidates.standing)
    return zip(*(column.tolist() for column in columns), strict=True)


def _moved(found: list[Found], row: CellGroup, parameters: ModuleParameters) -> list[Found]:
    """The lessons that act with their targets and weeks, recomputed from the facts; what is too light has none."""
    if all(each.status != Lesson.Status.ACTIVE for each in found):
        return found
    facts = load_group(found[0].group, row.dimensions, parameters.lessons.books)
    return [_with_history(each, facts, parameters) if each.status == Lesson.Status.ACTIVE else each for each in found]


def _with_history(found: Found, facts: GroupRows, parameters: ModuleParameters) -> Found:
    lessons = parameters.lessons
    weights = parameters.channels[found.channel].weights
    rows = facts.rows.inside(_codes_among(facts, found.scope))
    n_min = lessons.n_min_of(len(found.scope))
    movements = lever_movements(found.group.action_category, days_of(rows), found.baseline, n_min, lessons, weights)
    updates = max((movement.updates for movement in movements.values()), default=0)
    return replace(
        found,
        facts={**found.facts, "updates": updates},
        targets={LESSON_NAMES.get(name, name): movement.target for name, movement in movements.items()},
        weeks=weeks_of(rows),
    )


def _codes_among(facts: GroupRows, scope: Mapping[str, str]) -> Any:
    """A scope in the codes of the facts, whose numbering is not that of the stored cells.

    A correction may have taken a value from the facts before the cells follow: its code is one that no row has.
    """
    numbers = [{value: code for code, value in enumerate(known)} for known in facts.values]
    return np.array(
        [
            known.get(scope[name], len(known)) if name in scope else MISSING
            for name, known in zip(facts.dimensions, numbers, strict=True)
        ]
    )


def _baselines(module: str, categories: set[str], parameters: ModuleParameters) -> dict[str, Baseline]:
    books = parameters.lessons.books
    return {category: baseline_of([load_category(module, category, books)]) for category in sorted(categories)}
