"""Targets of plan lessons from the facts behind their cells: weekly edges, half-life, lever movement, tuning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from learning.core.cells.cell_history import Days, days_of, weeks_of
from learning.core.cells.rows import DAY, MISSING, Bools, Ints
from learning.core.lesson_levers import LESSON_NAMES
from learning.core.plan_method.half_life import fit_half_life
from learning.core.plan_method.lever_movement import lever_movements
from learning.core.tuning.alternatives import Grade, grade_of, most_frequent_grade
from learning.core.tuning.trade_deltas import TradeDeltas
from learning.core.tuning.tuning_targets import tuning_targets
from learning.lessons.candidates import CandidateLesson
from learning.models import CellGroup, Lesson
from learning.readers.group_columns import GroupRows, load_group, load_with_grades
from learning.readers.trade_deltas import load_trade_deltas
from overrides.core.engine.definitions.learned_from import LearnedFrom
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.parameters import LessonParameters
from overrides.core.engine.definitions.vocabulary import Channel


@dataclass(frozen=True)
class Graded:
    """The source of a category's grade: the deltas of one lever, or a grade bucket that its actions carry.

    `bucket_is_later` gives the direction of such a bucket: a better entry came later, a better exit sooner.
    """

    lever: str
    bucket: str
    bucket_is_later: bool


ENTRY = Graded("entry_delay_bars", "cf_entry_improvement_bucket", bucket_is_later=True)
GRADED: Mapping[str, Graded] = {
    "entry": ENTRY,
    "add": ENTRY,
    "trim": Graded("trim_delay_mult", "cf_exit_improvement_bucket", bucket_is_later=False),
}


@dataclass(frozen=True, eq=False)
class Facts:
    """The rows of a group and, if its category is graded and tuned, what its grades are read from.

    trades   the pattern's trades by their entry, with the alternatives of the graded lever
    buckets  (rows,) the grade that each row carries itself, as a position in GRADES
    """

    group: GroupRows
    trades: TradeDeltas | None = None
    buckets: Ints | None = None


def with_plan_targets(
    found: Sequence[CandidateLesson], row: CellGroup, parameters: ModuleParameters, now: datetime
) -> list[CandidateLesson]:
    """Return the lessons with targets and weeks computed from the facts known by `now`, for those that act.

    A tuning lesson that would move no lever is left out.
    """
    acting = [each for each in found if each.status == Lesson.Status.ACTIVE]
    if not acting:
        return list(found)
    facts = _facts(acting, row, parameters.learned_from.of(row.dimensions), now)
    lessons = [
        _with_targets(each, facts, parameters) if each.status == Lesson.Status.ACTIVE else each for each in found
    ]
    return [each for each in lessons if each.channel is not Channel.PM_TUNING or _moves(each)]


def _facts(acting: Sequence[CandidateLesson], row: CellGroup, learned: LearnedFrom, now: datetime) -> Facts:
    """Load the facts of a group, with what is needed to grade it if a tuning lesson is among the lessons."""
    graded = GRADED.get(row.action_category)
    if graded is None or all(each.channel is not Channel.PM_TUNING for each in acting):
        return Facts(load_group(acting[0].group, learned, now))
    group, buckets = load_with_grades(acting[0].group, learned, now, graded.bucket)
    return Facts(group, load_trade_deltas(learned, now, (graded.lever,), row.pattern_key), buckets)


def _with_targets(found: CandidateLesson, facts: Facts, parameters: ModuleParameters) -> CandidateLesson:
    """Return a lesson with half-life, targets and weeks."""
    lessons = parameters.lessons
    group = facts.group
    inside = group.rows.are_inside(_codes_among(group.dimensions, group.values, found.scope))
    rows = group.rows.take(inside)
    days, weeks = days_of(rows), weeks_of(rows)
    half_life = fit_half_life(
        weeks.started_at / DAY, weeks.n, weeks.mean - found.baseline, found.stats.variance,
        lessons.default_half_life_days,
    )  # fmt: skip
    targets, said = (_tuning_targets if found.channel is Channel.PM_TUNING else _strength_targets)(
        found, facts, inside, days, parameters
    )
    return replace(
        found,
        stats=replace(found.stats, half_life_days=half_life.shrunk),
        facts={**found.facts, **said, "half_life": half_life.to_document()},
        targets=targets,
        weeks=weeks,
    )


def _strength_targets(
    found: CandidateLesson, facts: Facts, inside: Bools, days: Days, parameters: ModuleParameters
) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the targets of a strength lesson, and further facts to store."""
    n_min = parameters.lessons.n_min_of(len(found.scope))
    weights = parameters.channels[found.channel].weights
    category = found.group.action_category
    movements = lever_movements(category, days, found.baseline, n_min, parameters.lessons, weights)
    updates = max((movement.updates for movement in movements.values()), default=0)
    return {LESSON_NAMES.get(name, name): each.target for name, each in movements.items()}, {"updates": updates}


def _tuning_targets(
    found: CandidateLesson, facts: Facts, inside: Bools, days: Days, parameters: ModuleParameters
) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the targets of a tuning lesson, and further facts to store."""
    n_min = parameters.lessons.n_min_of(len(found.scope))
    grade = _grade(found, facts, inside, n_min, parameters.lessons)
    targets = tuning_targets(
        found.group.action_category, grade, days, found.baseline, n_min, parameters.lessons,
        parameters.channels[found.channel].weights,
    )  # fmt: skip
    return targets, {
        "updates": int((days.n >= n_min).sum()),
        "tuning": None if grade is None else grade.to_document(),
    }


def _grade(found: CandidateLesson, facts: Facts, inside: Bools, n_min: int, lessons: LessonParameters) -> Grade | None:
    """Return the grade of a cell, from the trades whose entry has its pattern and scope; None if it has none.

    Actions of the cell are not enough: those that were taken met only the trades that came so far.
    """
    trades, buckets = facts.trades, facts.buckets
    if trades is None or buckets is None:
        return None
    graded = GRADED[found.group.action_category]
    of_entries = trades.rows()
    entered = of_entries.are_inside(_codes_among(trades.dimensions, trades.values, found.scope))
    deltas = trades.levers[graded.lever]
    best = grade_of(
        of_entries.take(entered),
        {name: deltas.of_alternative(name)[entered] for name in deltas.names},
        neutral=LEVERS[graded.lever].neutral,
        n_min=n_min,
        cutoffs=lessons.counterfactual_cutoffs,
    )
    rows = facts.group.rows.take(inside)
    return best or most_frequent_grade(rows, buckets[inside], n_min=n_min, is_later=graded.bucket_is_later)


def _moves(found: CandidateLesson) -> bool:
    return any(value != LEVERS[name].neutral for name, value in found.targets.items())


def _codes_among(dimensions: Sequence[str], values: Sequence[Sequence[str]], scope: Mapping[str, str]) -> Any:
    """Return a scope as codes of loaded facts, whose numbering differs from that of the stored cells.

    A correction may have removed a value from the facts before the cells are rebuilt; it gets a code that no row has.
    """
    numbers = [{value: code for code, value in enumerate(known)} for known in values]
    return np.array(
        [
            known.get(scope[name], len(known)) if name in scope else MISSING
            for name, known in zip(dimensions, numbers, strict=True)
        ]
    )
