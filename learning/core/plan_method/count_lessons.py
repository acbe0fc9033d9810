"""The search of the plan method over facts in memory, and the noise twins it is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from learning.core.cells.baseline import Baseline, baseline_of
from learning.core.cells.cell_columns import Cells
from learning.core.cells.cube import build_cubes
from learning.core.cells.rows import Floats, Ints, Rows
from learning.core.plan_method.lesson_selection import Candidates, SelectionStatus, select
from learning.core.significance.permutation import JUDGED_BY_TRADE, permute_outcomes, shift_scopes
from overrides.core.engine.definitions.parameters import LessonParameters, WeightParameters


class Group(NamedTuple):
    """The judged actions of one pattern and action category; groups share the numbers of trades and clusters."""

    pattern_key: str
    action_category: str
    rows: Rows


class Searched(NamedTuple):
    """A group with its cells, the baseline of its category, and the candidates among the cells."""

    group: Group
    baseline: Baseline
    cells: Cells
    candidates: Candidates


def searched(groups: Sequence[Group], lessons: LessonParameters, weights: WeightParameters) -> Iterator[Searched]:
    """Yield every group of one module with its candidates, category by category.

    All groups have the same dimensions. Raises CellBudgetExceeded as `build_cubes` does.
    """
    for category in sorted({group.action_category for group in groups}):
        members = [group for group in groups if group.action_category == category]
        rows = [each.rows for each in members]
        baseline = baseline_of(rows)
        for group, cells in zip(members, build_cubes(rows, lessons), strict=True):
            yield Searched(group, baseline, cells, select(cells, baseline.mean, lessons, weights))


def count_lessons(groups: Sequence[Group], lessons: LessonParameters, weights: WeightParameters) -> int:
    """Return the number of lessons that would be active, over all groups of one module."""
    standings = (each.candidates.standing for each in searched(groups, lessons, weights))
    return sum(int((standing == SelectionStatus.LESSON).sum()) for standing in standings)


def within_weeks(groups: Sequence[Group], seed: int) -> list[Group]:
    """Return at least one group with outcomes dealt anew within pattern and week of the close."""
    rows, pattern, category, judged_by_trade = _joined(groups)
    outcomes = permute_outcomes(
        rows.outcomes,
        trade=rows.trade,
        pattern=pattern,
        category=category,
        judged_by_trade=judged_by_trade.astype(np.bool_),
        at=rows.closed_at,
        seed=seed,
    )
    return _with(groups, outcomes)


def _joined(groups: Sequence[Group]) -> tuple[Rows, Ints, Ints, Ints]:
    """Return the rows of all groups without scopes, and of each row its pattern, category and how it is judged."""
    patterns = sorted({each.pattern_key for each in groups})
    categories = sorted({each.action_category for each in groups})
    sizes = [len(each.rows) for each in groups]
    columns = [
        (
            patterns.index(each.pattern_key),
            categories.index(each.action_category),
            each.action_category in JUDGED_BY_TRADE,
        )
        for each in groups
    ]
    pattern, category, judged_by_trade = np.repeat(np.array(columns, dtype=np.int64), sizes, axis=0).T
    rows = Rows.join([replace(each.rows, codes=each.rows.codes[:, :0]) for each in groups])
    return rows, pattern, category, judged_by_trade


def _with(groups: Sequence[Group], outcomes: Floats) -> list[Group]:
    """Return the groups with other outcomes `(rows,)`, those of all groups one after another."""
    dealt = np.split(outcomes, np.cumsum([len(each.rows) for each in groups])[:-1])
    return [
        each._replace(rows=replace(each.rows, outcomes=outcome)) for each, outcome in zip(groups, dealt, strict=True)
    ]


def shifted_in_time(groups: Sequence[Group], seed: int) -> list[Group]:
    """Return at least one group, each action with the scope of another time; all have the same dimensions."""
    rows, pattern, category, _ = _joined(groups)
    scopes = np.concatenate([each.rows.codes for each in groups])
    shifted = shift_scopes(scopes, pattern=pattern, category=category, at=rows.closed_at, seed=seed)
    dealt = np.split(shifted, np.cumsum([len(each.rows) for each in groups])[:-1])
    return [each._replace(rows=replace(each.rows, codes=codes)) for each, codes in zip(groups, dealt, strict=True)]
