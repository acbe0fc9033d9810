"""The noise twin: the same pipeline on permuted outcomes, to check whether what was learned is real."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import numpy as np

from learning.core.cells.baseline import baseline_of
from learning.core.cells.cube import build_cubes
from learning.core.cells.rows import MISSING, Rows
from learning.core.plan_method.lesson_selection import Standing, select
from learning.core.significance.permutation import permute_outcomes
from learning.lessons.build_evidence import acts, learn_module
from learning.lessons.candidates import LEARNED_CHANNELS
from learning.models import CellGroup
from learning.readers.group_columns import GroupRows, PatternGroup, Units, load_group
from learning.readers.observations import LoadedObservations, load_observations
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.versions.load_version import current_parameters

JUDGED_BY_TRADE = frozenset({"entry", "add", "allocation"})
Progress = Callable[[int, int], None]


def noise_twin(
    *,
    module: str,
    now: datetime,
    seed: int,
    policy: LearningMethod = LearningMethod.PLAN,
    progress: Progress | None = None,
) -> int:
    """Return how many lessons the builder would find in a module's outcomes permuted within pattern and week.

    Counts all lessons of the plan method that would act, and the verified lessons of the evidence method that have a
    scope: permutation preserves the mean of a pattern, and unverified lessons stay close to neutral. Nothing is
    written. The same seed and facts give the same count. `progress` receives (completed steps, all steps).
    """
    parameters, tell = current_parameters(module), progress or (lambda done, total: None)
    if policy is LearningMethod.EVIDENCE:
        return _verified_in_noise(module, now, seed, parameters, tell)
    rows = list(CellGroup.objects.filter(module=module).order_by("pattern_key", "action_category"))
    groups, units = [], Units()
    for done, row in enumerate(rows):
        tell(done, len(rows) + 1)
        group = PatternGroup(module, row.pattern_key, row.action_category)
        groups.append(load_group(group, row.dimensions, parameters.lessons.books, units))
    tell(len(rows), len(rows) + 1)
    found = 0 if not groups else count_lessons(permuted(groups, seed), [each.group for each in groups], parameters)
    tell(len(rows) + 1, len(rows) + 1)
    return found


def _verified_in_noise(module: str, now: datetime, seed: int, parameters: ModuleParameters, tell: Progress) -> int:
    """Count the verified lessons of the evidence method that act and have a scope."""
    tell(0, 2)
    lessons = parameters.lessons
    loaded = load_observations(module, lessons.dimensions_of(module), lessons.books, now)
    tell(1, 2)
    learned = learn_module(without_edges(loaded, seed), module, parameters, now)
    tell(2, 2)
    if learned is None:
        return 0
    of_a_scope = (learned.overrides.scope != MISSING).any(axis=1)
    return int((learned.verified & acts(learned, parameters) & of_a_scope).sum())


def without_edges(loaded: LoadedObservations, seed: int) -> LoadedObservations:
    """Return the observations with permuted outcomes (`core.significance.permutation`)."""
    observations = loaded.observations
    judged_by_trade = np.array([name in JUDGED_BY_TRADE for name in loaded.categories])
    outcome = permute_outcomes(
        observations.outcome,
        trade=observations.trade,
        pattern=observations.pattern,
        category=observations.category,
        judged_by_trade=judged_by_trade[observations.category],
        closed_at=loaded.closed_at,
        seed=seed,
    )
    return replace(loaded, observations=replace(observations, outcome=outcome))


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
        closed_at=rows.closed_at,
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
            found += int((candidates.standing == Standing.LESSON).sum())
    return found
