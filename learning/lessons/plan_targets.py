"""Targets of plan lessons from the facts behind their cells: weekly edges, half-life, lever movement, tuning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from learning.core.cells.cell_history import Days, days_of, weeks_of
from learning.core.cells.rows import DAY, MISSING, Bools
from learning.core.lesson_levers import LESSON_NAMES
from learning.core.plan_method.half_life import fit_half_life
from learning.core.plan_method.lever_movement import lever_movements
from learning.core.tuning.alternatives import Alternatives, Grade, grade_of
from learning.core.tuning.tuning_targets import tuning_targets
from learning.lessons.candidates import CandidateLesson
from learning.models import CellGroup, Lesson
from learning.readers.group_columns import GroupRows, load_group, load_with_alternatives
from overrides.core.engine.definitions.learned_from import LearnedFrom
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.parameters import LessonParameters
from overrides.core.engine.definitions.vocabulary import Channel


@dataclass(frozen=True)
class Graded:
    """The source of a category's grade: the deltas of one lever, or a grade bucket that its trades report.

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
    """The rows of a group and, if its category is graded and tuned, the alternatives they report."""

    group: GroupRows
    alternatives: Alternatives | None = None


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
    """Load the facts of a group, with alternatives if a tuning lesson needs them."""
    graded = GRADED.get(row.action_category)
    if graded is None or all(each.channel is not Channel.PM_TUNING for each in acting):
        return Facts(load_group(acting[0].group, learned, now))
    return Facts(*load_with_alternatives(acting[0].group, learned, now, graded.lever, graded.bucket))


def _with_targets(found: CandidateLesson, facts: Facts, parameters: ModuleParameters) -> CandidateLesson:
    """Return a lesson with half-life, targets and weeks."""
    lessons = parameters.lessons
    inside = facts.group.rows.are_inside(_codes_among(facts.group, found.scope))
    rows = facts.group.rows.take(inside)
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
    grade = None if facts.alternatives is None else _grade(found, facts, inside, n_min, parameters.lessons)
    targets = tuning_targets(
        found.group.action_category, grade, days, found.baseline, n_min, parameters.lessons,
        parameters.channels[found.channel].weights,
    )  # fmt: skip
    return targets, {
        "updates": int((days.n >= n_min).sum()),
        "tuning": None if grade is None else grade.to_document(),
    }


def _grade(found: CandidateLesson, facts: Facts, inside: Bools, n_min: int, lessons: LessonParameters) -> Grade | None:
    """Return the grade of a cell's rows."""
    assert facts.alternatives is not None
    graded = GRADED[found.group.action_category]
    return grade_of(
        facts.group.rows.take(inside),
        facts.alternatives.take(inside),
        neutral=LEVERS[graded.lever].neutral,
        n_min=n_min,
        cutoffs=lessons.counterfactual_cutoffs,
        bucket_is_later=graded.bucket_is_later,
    )


def _moves(found: CandidateLesson) -> bool:
    return any(value != LEVERS[name].neutral for name, value in found.targets.items())


def _codes_among(facts: GroupRows, scope: Mapping[str, str]) -> Any:
    """Return a scope as codes of the loaded facts, whose numbering differs from that of the stored cells.

    A correction may have removed a value from the facts before the cells are rebuilt; it gets a code that no row has.
    """
    numbers = [{value: code for code, value in enumerate(known)} for known in facts.values]
    return np.array(
        [
            known.get(scope[name], len(known)) if name in scope else MISSING
            for name, known in zip(facts.dimensions, numbers, strict=True)
        ]
    )
