"""The plan method at a moment: the lessons of that day, combined by the engine that serves overrides.

Levers are computed as of the moment itself, from neutral and with the configured step: what a version published then
would have served at once. Decay until the next fold is ignored, because lessons are rebuilt every hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

import numpy as np

from learning.core.cells.baseline import baseline_of
from learning.core.cells.cell_history import days_of, weeks_of
from learning.core.cells.cube import build_cubes
from learning.core.cells.rows import DAY, Floats, Rows
from learning.core.plan_method.half_life import fit_half_life
from learning.core.plan_method.lesson_selection import EPOCH, SelectionStatus, select, stats_of
from learning.core.plan_method.lever_movement import lever_movements
from learning.core.walk_forward.outcome_columns import DECIDED, Trades
from learning.core.walk_forward.sized_trades import Sizing
from overrides.core.engine.combination import Combination, Request
from overrides.core.engine.combine import combine
from overrides.core.engine.compile_overrides import compile_overrides
from overrides.core.engine.compiled import Compiled
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.override_stats import Stats
from overrides.core.engine.definitions.validation import contradicts
from overrides.core.engine.definitions.vocabulary import Channel, Combiner, LearningMethod

CHANNELS = {"pm": Channel.PM_STRENGTH, "dm": Channel.DM_ALLOC}
LEVER = {"pm": "size_mult", "dm": "alloc_mult"}


class Lesson(NamedTuple):
    """The content of the override that a lesson would become."""

    pattern_key: str
    scope: dict[str, str]
    stats: Stats
    target: float


def plan_sizing(
    known: Trades, decided: Trades, moment: int, parameters: ModuleParameters, combiner: Combiner
) -> Sizing:
    """Return the sizes that lessons on `known` would have given `decided`.

    `known` must have been known before `moment`, in microseconds.
    """
    category, module = DECIDED[decided.module], decided.module
    own = known.take(known.category == known.categories.index(category))
    rows = [own.take(own.pattern == code).rows() for code in range(len(own.patterns))]
    baseline = baseline_of(rows).mean
    specs = [_spec(module, category, lesson) for lesson in _lessons(own, rows, baseline, parameters)]
    specs = [spec for spec in specs if not contradicts(spec)]
    weights = parameters.channels[CHANNELS[module]].weights
    compiled = compile_overrides(specs, weights, combiner, channel=CHANNELS[module])
    size, edge = _query_engine(compiled, {spec.id: spec.stats.edge_raw for spec in specs}, decided, category, moment)
    return Sizing(size, edge, np.full(len(decided), baseline), len(specs))


def _lessons(own: Trades, rows: list[Rows], baseline: float, parameters: ModuleParameters) -> Iterator[Lesson]:
    """Yield the lessons of the deciding category, given its trades by pattern and their baseline in R."""
    lessons, category = parameters.lessons, DECIDED[own.module]
    weights = parameters.channels[CHANNELS[own.module]].weights
    for code, cells in enumerate(build_cubes(rows, lessons)):
        candidates = select(cells, baseline, lessons, weights)
        for cell in candidates.cell[candidates.standing == SelectionStatus.LESSON].tolist():
            inside = rows[code].inside(cells.codes[cell])
            scope = own.scope_of(cells.codes[cell])
            n_min = lessons.n_min_of(len(scope))
            moved = lever_movements(category, days_of(inside), baseline, n_min, lessons, weights)
            weeks = weeks_of(inside)
            half_life = fit_half_life(
                weeks.started_at // DAY,
                weeks.n,
                weeks.mean - baseline,
                float(cells.variance[cell]),
                lessons.default_half_life_days,
            )
            stats = stats_of(cells, cell, baseline, half_life.shrunk)
            yield Lesson(own.patterns[code], scope, stats, moved[LEVER[own.module]].target)


def _spec(module: str, category: str, lesson: Lesson) -> OverrideSpec:
    """Return the override of a lesson, with the one lever that scales outcomes."""
    return OverrideSpec.from_document(
        {
            "type": CHANNELS[module],
            "policy": LearningMethod.PLAN,
            "module": module,
            "pattern_key": lesson.pattern_key,
            "action_category": category,
            "scope": lesson.scope,
            "stats": lesson.stats.to_document(),
            "levers": {"capital_levers": {LEVER[module]: lesson.target}},
        }
    )


def _query_engine(
    compiled: Compiled, edges: dict[str, float], decided: Trades, category: str, moment: int
) -> tuple[Floats, Floats]:
    """Return size and expected edge in R of each trade, with one engine query for each pattern and scope."""
    at, lever = EPOCH + timedelta(microseconds=moment), LEVER[decided.module]
    keys, where = np.unique(np.column_stack([decided.pattern, decided.scope]), axis=0, return_inverse=True)
    size, edge = np.ones(len(keys)), np.zeros(len(keys))
    for place, (pattern, *codes) in enumerate(keys.tolist()):
        scope = decided.scope_of(np.array(codes, dtype=np.int64))
        combination = combine(compiled, Request(decided.module, decided.patterns[pattern], category, scope, at))
        if lever in combination.levers:
            size[place], edge[place] = combination.levers[lever].value, _expected(combination, edges)
    return size.take(where.ravel()), edge.take(where.ravel())


def _expected(combination: Combination, edges: dict[str, float]) -> float:
    """Return the expected edge in R: the lessons' edges averaged by weight, or that of a lesson that decides alone."""
    weights = [1.0 if each.w_total is None else each.w_total for each in combination.contributions]
    total = sum(weights)
    blended = sum(weight * edges[each.id] for weight, each in zip(weights, combination.contributions, strict=True))
    return blended / total if total > 0 else 0.0
