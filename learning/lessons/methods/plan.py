"""The plan method: lessons are cells that beat every simpler cell, each with its own weight."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
from django.db.models import QuerySet

from learning.core.cells.baseline import baseline_of
from learning.core.cells.cube import build_cubes
from learning.core.cells.rows import Rows
from learning.core.plan_method.lesson_selection import SelectionStatus, select
from learning.core.significance.permutation import permute_outcomes
from learning.core.walk_forward.plan_walker import CHANNELS
from learning.lessons.build_plan import find_plan_lessons
from learning.lessons.candidates import JUDGED_BY_TRADE, LEARNED_CHANNELS, SearchResult
from learning.lessons.methods.method import BY_EDGE, BY_TRADES, Method, Order, Progress
from learning.models import CellGroup, Lesson
from learning.readers.group_columns import GroupRows, PatternGroup, Units, load_group
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import Combiner, LearningMethod


def search(module: str, parameters: ModuleParameters, now: datetime) -> SearchResult:
    """Find the lessons in the stored cells; of the facts behind them those known by `now` count."""
    return find_plan_lessons(module, parameters, now)


def count_in_noise(module: str, parameters: ModuleParameters, now: datetime, seed: int, tell: Progress) -> int:
    """Count all lessons that would act."""
    rows = list(CellGroup.objects.filter(module=module).order_by("pattern_key", "action_category"))
    groups, units = [], Units()
    for done, row in enumerate(rows):
        tell(done, len(rows) + 1)
        group = PatternGroup(module, row.pattern_key, row.action_category)
        groups.append(load_group(group, row.dimensions, parameters.lessons.books, now, units))
    tell(len(rows), len(rows) + 1)
    found = 0 if not groups else count_lessons(permuted(groups, seed), [each.group for each in groups], parameters)
    tell(len(rows) + 1, len(rows) + 1)
    return found


def permuted(groups: list[GroupRows], seed: int) -> list[Rows]:
    """Return the rows of the groups with permuted outcomes (`core.significance.permutation`)."""
    patterns = sorted({each.group.pattern_key for each in groups})
    categories = sorted({each.group.action_category for each in groups})
    sizes = [len(each.rows) for each in groups]
    rows = Rows.join([replace(each.rows, codes=each.rows.codes[:, :0]) for each in groups])
    outcomes = permute_outcomes(
        rows.outcomes,
        trade=rows.trade,
        pattern=np.repeat([patterns.index(each.group.pattern_key) for each in groups], sizes),
        category=np.repeat([categories.index(each.group.action_category) for each in groups], sizes),
        judged_by_trade=np.repeat([each.group.action_category in JUDGED_BY_TRADE for each in groups], sizes),
        at=rows.closed_at,
        seed=seed,
    )
    dealt = np.split(outcomes, np.cumsum(sizes)[:-1])
    return [replace(each.rows, outcomes=outcome) for each, outcome in zip(groups, dealt, strict=True)]


def count_lessons(rows: list[Rows], groups: list[PatternGroup], parameters: ModuleParameters) -> int:
    """Return the number of lessons that would be active, over all groups of a module."""
    weights = parameters.channels[LEARNED_CHANNELS[parameters.module]].weights
    found = 0
    for category in sorted({group.action_category for group in groups}):
        members = [each for each, group in zip(rows, groups, strict=True) if group.action_category == category]
        baseline = baseline_of(members).mean
        for cells in build_cubes(members, parameters.lessons):
            candidates = select(cells, baseline, parameters.lessons, weights)
            found += int((candidates.standing == SelectionStatus.LESSON).sum())
    return found


def comparable(acting: QuerySet[Lesson], module: str) -> QuerySet[Lesson]:
    """Return the acting lessons of the learned channel; a noise twin does not count tuning."""
    return acting.filter(type=LEARNED_CHANNELS[module])


def walk_combiner(parameters: ModuleParameters) -> Combiner:
    """Return the combiner that serves the method in the module, or the plan's if another method is served."""
    channel = parameters.channels[CHANNELS[parameters.module]]
    return channel.combiner if channel.policy is LearningMethod.PLAN else Combiner.PLAN


PLAN = Method(
    name=LearningMethod.PLAN,
    search=search,
    count_in_noise=count_in_noise,
    comparable=comparable,
    walk_combiner=walk_combiner,
    orders=(Order("weight", "weight", ("-weight",)), BY_TRADES, BY_EDGE),
    default=True,
)
