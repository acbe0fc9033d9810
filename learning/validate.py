"""Is what was learned real? The noise twin: the same pipeline on outcomes that say nothing about their scope."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from learning.core.baseline import baseline_of
from learning.core.cube import build_cubes
from learning.core.lessons import Standing, select
from learning.core.permute import permute_outcomes
from learning.core.rows import Rows
from learning.found import LEARNED_CHANNELS
from learning.load import Group, GroupRows, Units, load_group
from learning.models import CellGroup
from overrides.core.module import ModuleParameters
from overrides.load import current_parameters

JUDGED_BY_TRADE = frozenset({"entry", "add", "allocation"})


def noise_twin(*, module: str, seed: int) -> int:
    """How many lessons the builder would find in a module's outcomes permuted within pattern x week.

    Nothing is written. The same seed and facts give the same count.
    """
    parameters = current_parameters(module)
    units = Units()
    groups = [
        load_group(Group(module, row.pattern_key, row.action_category), row.dimensions, parameters.lessons.books, units)
        for row in CellGroup.objects.filter(module=module).order_by("pattern_key", "action_category")
    ]
    return 0 if not groups else count_lessons(permuted(groups, seed), [each.group for each in groups], parameters)


def permuted(groups: list[GroupRows], seed: int) -> list[Rows]:
    """The rows of the groups with their outcomes dealt anew (core.permute)."""
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


def count_lessons(rows: list[Rows], groups: list[Group], parameters: ModuleParameters) -> int:
    """The lessons that would be active, over all groups of a module."""
    weights = parameters.channels[LEARNED_CHANNELS[parameters.module]].weights
    found = 0
    for category in sorted({group.action_category for group in groups}):
        members = [each for each, group in zip(rows, groups, strict=True) if group.action_category == category]
        baseline = baseline_of(members).mean
        for cells in build_cubes(members, parameters.lessons):
            candidates = select(cells, baseline, parameters.lessons, weights)
            found += int((candidates.standing == Standing.LESSON).sum())
    return found
