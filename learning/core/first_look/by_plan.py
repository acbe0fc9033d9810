"""The plan method over facts in memory: cells, candidates, lessons, twins and walk-forward."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from learning.core.cells.rows import Ints
from learning.core.first_look.method_look import Line, MethodLook, strongest, walked
from learning.core.plan_method.count_lessons import (
    Group,
    Searched,
    count_lessons,
    searched,
    shifted_in_time,
    within_weeks,
)
from learning.core.plan_method.lesson_selection import SelectionStatus, tested_of
from learning.core.walk_forward.outcome_columns import Trades
from learning.core.walk_forward.plan_walker import CHANNELS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import Combiner, LearningMethod


def look_by_plan(
    trades: Trades, clusters: Ints, parameters: ModuleParameters, as_of: int, seeds: Sequence[int]
) -> MethodLook:
    """Return what the plan method finds; `clusters` `(rows,)` are the units of its cells.

    Raises ValueError, with what to do, if the cube would hold too much.
    """
    groups = list(groups_of(replace(trades, cluster=clusters)))
    if not groups:
        return MethodLook(LearningMethod.PLAN)
    lessons, weights = parameters.lessons, parameters.channels[CHANNELS[trades.module]].weights
    found = list(searched(groups, lessons, weights))
    lines = [line for each in found for line in _lines(trades, each)]
    lines.sort(key=lambda each: -abs(each.raw) / max(each.raw_se, 1e-9))
    return MethodLook(
        method=LearningMethod.PLAN,
        tested=sum(len(tested_of(each.cells, each.baseline.mean, lessons, each.candidates)) for each in found),
        acting=sum(each.is_counted for each in lines),
        found=sum(each.is_counted for each in lines),
        weeks=tuple(count_lessons(within_weeks(groups, seed), lessons, weights) for seed in seeds),
        shifts=tuple(count_lessons(shifted_in_time(groups, seed), lessons, weights) for seed in seeds),
        walk=walked(trades, LearningMethod.PLAN, Combiner.PLAN, parameters),
        lines=strongest(lines),
    )


def groups_of(trades: Trades) -> Iterator[Group]:
    """Yield the rows of each pattern and category that has any."""
    order = np.lexsort((trades.category, trades.pattern))
    keys = np.column_stack([trades.pattern, trades.category])[order]
    cuts = np.flatnonzero((keys[1:] != keys[:-1]).any(axis=1)) + 1
    for rows in np.split(order, cuts) if len(order) else ():
        pattern, category = int(trades.pattern[rows[0]]), int(trades.category[rows[0]])
        yield Group(trades.patterns[pattern], trades.categories[category], trades.take(np.sort(rows)).rows())


def _lines(trades: Trades, found: Searched) -> Iterator[Line]:
    """Yield the candidates of a group as lines; those too light to act are no lessons and do not count."""
    cells, candidates = found.cells, found.candidates
    for at, standing in zip(candidates.cell.tolist(), candidates.standing.tolist(), strict=True):
        if standing == SelectionStatus.SURPLUS:
            continue
        yield Line(
            pattern_key=found.group.pattern_key,
            action_category=found.group.action_category,
            scope=trades.scope_of(cells.codes[at]),
            n=int(cells.n[at]),
            raw=float(cells.mean[at]) - found.baseline.mean,
            raw_se=math.sqrt(float(cells.variance[at]) / int(cells.n[at])),
            is_counted=standing == SelectionStatus.LESSON,
        )
