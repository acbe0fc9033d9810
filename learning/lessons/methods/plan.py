"""The plan method: lessons are cells that beat every simpler cell, each with its own weight."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from learning.core.plan_method.count_lessons import Group, count_lessons, within_weeks
from learning.core.walk_forward.plan_walker import CHANNELS
from learning.lessons.build_plan import BUILDER, find_plan_lessons
from learning.lessons.candidates import LEARNED_CHANNELS, SearchResult
from learning.lessons.methods.method import BY_EDGE, BY_TRADES, Method, Order, Progress
from learning.models import CellGroup, Lesson
from learning.readers.group_columns import PatternGroup, Units, load_group
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
        loaded = load_group(group, parameters.learned_from.of(row.dimensions), now, units)
        groups.append(Group(group.pattern_key, group.action_category, loaded.rows))
    tell(len(rows), len(rows) + 1)
    found = 0
    if groups:
        weights = parameters.channels[LEARNED_CHANNELS[module]].weights
        found = count_lessons(within_weeks(groups, seed), parameters.lessons, weights)
    tell(len(rows) + 1, len(rows) + 1)
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
    builder=BUILDER,
    orders=(Order("weight", "weight", ("-weight",)), BY_TRADES, BY_EDGE),
    default=True,
)
