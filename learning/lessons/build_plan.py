"""Cells to lessons of the plan method (docs/method.md 3 and 7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from learning.core.cells.baseline import Baseline, baseline_of
from learning.core.plan_method.lesson_selection import Candidates, SelectionStatus, select, stats_of, tested_of
from learning.core.significance.tested_cells import TestedCells
from learning.lessons.candidates import LEARNED_CHANNELS, CandidateLesson, SearchResult
from learning.lessons.plan_targets import with_plan_targets
from learning.models import CellGroup, Lesson
from learning.readers.category_columns import load_category
from learning.readers.group_columns import PatternGroup, load_cells, scope_of
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import CHANNEL_MODULE, Channel, LearningMethod

BUILDER = "plan 3"


def find_plan_lessons(module: str, parameters: ModuleParameters, now: datetime) -> SearchResult:
    """Return the lessons of a module's cells; the same cells, and facts known by `now`, give the same lessons."""
    groups = list(CellGroup.objects.filter(module=module).order_by("pattern_key", "action_category"))
    baselines = _baselines(module, {group.action_category for group in groups}, parameters, now)
    searched = [find_lessons(row, baselines[row.action_category].mean, parameters, now) for row in groups]
    return SearchResult(
        baselines=baselines,
        n_cells=sum(group.n_cells for group in groups),
        n_candidates=sum(n_candidates for _, n_candidates, _ in searched),
        found=[each for found, _, _ in searched for each in found],
        code_version=BUILDER,
        tested=TestedCells.join([tested for _, _, tested in searched]) if searched else None,
    )


def find_lessons(
    row: CellGroup, baseline: float, parameters: ModuleParameters, now: datetime
) -> tuple[list[CandidateLesson], int, TestedCells]:
    """Return one group's lessons, including those too light to act, its number of candidates, and all tested cells.

    A tuning lesson is returned only if it would act on its own channel; a cell too light for that is reported once, as
    a strength lesson.
    """
    cells, values = load_cells(row)
    lessons = parameters.lessons

    def chosen(channel: Channel) -> Candidates:
        return select(cells, baseline, lessons, parameters.channels[channel].weights)

    def kept(
        channel: Channel, candidates: Candidates, standings: frozenset[SelectionStatus]
    ) -> Iterator[CandidateLesson]:
        columns = (candidates.cell, candidates.incremental_edge, candidates.weight, candidates.standing)
        for cell, incremental_edge, weight, standing in zip(*(column.tolist() for column in columns), strict=True):
            if standing in standings:
                yield CandidateLesson(
                    group=PatternGroup(row.module, row.pattern_key, row.action_category),
                    channel=channel,
                    policy=LearningMethod.PLAN,
                    scope=scope_of(cells.codes[cell].tolist(), row.dimensions, values),
                    status=Lesson.Status.ACTIVE if standing == SelectionStatus.LESSON else Lesson.Status.TOO_LIGHT,
                    stats=stats_of(cells, cell, baseline, lessons.default_half_life_days),
                    baseline=baseline,
                    weight=weight,
                    facts={"incremental_edge": incremental_edge, "updates": 0},
                )

    channel = LEARNED_CHANNELS[row.module]
    candidates = chosen(channel)
    found = list(kept(channel, candidates, frozenset({SelectionStatus.LESSON, SelectionStatus.TOO_LIGHT})))
    if CHANNEL_MODULE[Channel.PM_TUNING] == row.module:
        found += kept(Channel.PM_TUNING, chosen(Channel.PM_TUNING), frozenset({SelectionStatus.LESSON}))
    tested = tested_of(cells, baseline, lessons, candidates)
    return with_plan_targets(found, row, parameters, now), len(candidates), tested


def _baselines(module: str, categories: set[str], parameters: ModuleParameters, now: datetime) -> dict[str, Baseline]:
    """Return the baseline of each category."""
    learned = parameters.learned_from
    return {category: baseline_of([load_category(module, category, learned, now)]) for category in sorted(categories)}
