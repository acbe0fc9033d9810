"""Cells into lessons: the plan's lesson builder (plan sections 4 to 6, design 6.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection, transaction

from learning.core.baseline import Baseline, baseline_of
from learning.core.history import Weeks, days_of, weeks_of
from learning.core.lessons import Candidates, Standing, select, stats_of
from learning.core.movement import LESSON_NAMES, Movement, lever_movements
from learning.core.rows import MISSING
from learning.load import Group, GroupRows, load_category, load_cells, load_group, moment, scope_of
from learning.models import BuilderRun, CellGroup, EdgeHistory, Lesson
from overrides.core.module import ModuleParameters
from overrides.core.specs import Stats, line_id
from overrides.core.vocabulary import Channel, Policy
from overrides.load import current_parameters
from telemetry.copying import copy_rows

BUILDER = "plan 1"
LEARNED_CHANNELS: Mapping[str, Channel] = {"dm": Channel.DM_ALLOC, "pm": Channel.PM_STRENGTH}


@dataclass(frozen=True)
class Found:
    """A lesson as a value, before it becomes a row."""

    group: Group
    scope: Mapping[str, str]
    status: str
    stats: Stats
    baseline: float
    incremental_edge: float
    weight: float
    movements: Mapping[str, Movement] = field(default_factory=dict)
    weeks: Weeks | None = None


@transaction.atomic
def build_lessons(*, module: str, now: datetime) -> BuilderRun:
    """Build a module's lessons from its cells; lessons that no longer qualify are withdrawn.

    Rebuilding from the same facts gives the same lessons and targets. Runs of a module queue behind one lock.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"build {module}"])
    parameters = current_parameters(module)
    groups = list(CellGroup.objects.filter(module=module).order_by("pattern_key", "action_category"))
    baselines = _baselines(module, {group.action_category for group in groups}, parameters)

    found, n_candidates = [], 0
    for row in groups:
        candidates, lessons = find_lessons(row, baselines[row.action_category].mean, parameters)
        n_candidates += len(candidates)
        found += lessons

    return _write(module, parameters, baselines, groups, found, n_candidates, now)


def find_lessons(row: CellGroup, baseline: float, parameters: ModuleParameters) -> tuple[Candidates, list[Found]]:
    """The candidates of one group, and those of them worth keeping: lessons, and what is too light to act."""
    lessons = parameters.lessons
    weights = parameters.channels[LEARNED_CHANNELS[row.module]].weights
    cells, values = load_cells(row)
    candidates = select(cells, baseline, lessons, weights)
    group = Group(row.module, row.pattern_key, row.action_category)
    found = [
        Found(
            group=group,
            scope=scope_of(cells.codes[cell].tolist(), row.dimensions, values),
            status=Lesson.Status.ACTIVE if standing == Standing.LESSON else Lesson.Status.TOO_LIGHT,
            stats=stats_of(cells, cell, baseline, lessons.default_half_life_days),
            baseline=baseline,
            incremental_edge=incremental_edge,
            weight=weight,
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
    weights = parameters.channels[LEARNED_CHANNELS[found.group.module]].weights
    rows = facts.rows.inside(_codes_among(facts, found.scope))
    n_min = lessons.n_min_of(len(found.scope))
    movements = lever_movements(found.group.action_category, days_of(rows), found.baseline, n_min, lessons, weights)
    return replace(found, movements=movements, weeks=weeks_of(rows))


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


def _write(
    module: str,
    parameters: ModuleParameters,
    baselines: Mapping[str, Baseline],
    groups: Sequence[CellGroup],
    found: Sequence[Found],
    n_candidates: int,
    now: datetime,
) -> BuilderRun:
    lines = {_line(each): each for each in found}
    gone = Lesson.objects.filter(module=module, policy=Policy.PLAN).exclude(line_id__in=list(lines))
    gone = gone.exclude(status=Lesson.Status.WITHDRAWN)
    run = BuilderRun.objects.create(
        module=module,
        policy=Policy.PLAN,
        as_of=now,
        parameters=parameters.to_document(),
        baseline={category: {"n": b.n, "mean": b.mean} for category, b in baselines.items()},
        n_cells=sum(group.n_cells for group in groups),
        n_candidates=n_candidates,
        n_active=sum(each.status == Lesson.Status.ACTIVE for each in found),
        n_withdrawn=gone.count(),
        code_version=BUILDER,
    )
    gone.update(status=Lesson.Status.WITHDRAWN, run=run)
    first_runs = dict(Lesson.objects.filter(line_id__in=list(lines)).values_list("line_id", "first_run_id"))
    rows = [_row(line, each, run, first_runs.get(line, run.pk)) for line, each in lines.items()]
    fields = [field.name for field in Lesson._meta.concrete_fields if field.name not in ("id", "line_id")]
    stored = Lesson.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["line_id"], update_fields=fields, batch_size=2000
    )
    _write_history(stored, lines)
    return run


def _line(found: Found) -> str:
    group = found.group
    channel = LEARNED_CHANNELS[group.module]
    return line_id(group.module, channel, Policy.PLAN, group.pattern_key, group.action_category, found.scope)


def _row(line: str, found: Found, run: BuilderRun, first_run: int) -> Lesson:
    updates = {movement.updates for movement in found.movements.values()}
    return Lesson(
        line_id=line,
        type=LEARNED_CHANNELS[found.group.module],
        policy=Policy.PLAN,
        module=found.group.module,
        pattern_key=found.group.pattern_key,
        action_category=found.group.action_category,
        scope=dict(found.scope),
        n_dims=len(found.scope),
        status=found.status,
        stats=found.stats.to_document()
        | {
            "baseline": found.baseline,
            "incremental_edge": found.incremental_edge,
            "updates": max(updates, default=0),
        },
        edge_raw=found.stats.edge_raw,
        weight=found.weight,
        targets={LESSON_NAMES.get(name, name): movement.target for name, movement in found.movements.items()},
        first_run_id=first_run,
        run=run,
    )


def _write_history(stored: Sequence[Lesson], lines: Mapping[str, Found]) -> None:
    """The weekly edges of the lessons that act, rewritten: they too are recomputed from the facts."""
    EdgeHistory.objects.filter(lesson__in=stored).delete()
    copy_rows(
        EdgeHistory,
        ("lesson_id", "week", "n", "mean", "edge_raw"),
        (
            (lesson.pk, moment(started_at).date(), n, mean, mean - lines[lesson.line_id].baseline)
            for lesson in stored
            for started_at, n, mean in _weekly(lines[lesson.line_id].weeks)
        ),
    )


def _weekly(weeks: Weeks | None) -> Iterator[tuple[int, int, float]]:
    if weeks is not None:
        yield from zip(weeks.started_at.tolist(), weeks.n.tolist(), weeks.mean.tolist(), strict=True)
