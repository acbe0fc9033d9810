"""The five live tuning levers of the plan (docs/method.md 7.2, 7.3): a cell's evidence on timing instead of size.

    lever              on            read from                        target
    entry_delay_bars   entry, add    cf_entry: waiting was better     0 / 1 / 2 / 3 bars, none to large
    phase1_frac_mult   entry, add    cf_entry: waiting was better     1 / .95 / .85 / .7
    trim_delay_mult    trim          cf_exit: another time was better sooner 1 / 1 / .8 / .5, later 1 / 1 / 1.25 / 2
    trail_mult         trim, exit    the lesson's movement            exp(-movement): a distance, shorter if selling was
                                                                      right
    min_ts_for_add     entry, add    edge above signal_edge_min       .55
    min_ox_for_trim    trim          edge above signal_edge_min       .40

A grade is that of the trades that entered in the cell's scope, over all of their actions (`trade_deltas`). Targets from
the changes under every alternative are those of the evidence method (`lever_lines`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from learning.core.cells.cell_history import Days
from learning.core.plan_method.lever_movement import move_multiplier
from learning.core.tuning.alternatives import Grade
from overrides.core.engine.definitions.levers import levers_of
from overrides.core.engine.definitions.parameters import LessonParameters, WeightParameters
from overrides.core.engine.definitions.vocabulary import Channel

SIGNAL_TARGETS: Mapping[str, float] = MappingProxyType({"min_ts_for_add": 0.55, "min_ox_for_trim": 0.40})


@dataclass(frozen=True)
class Ladder:
    """Targets for the grades none to large, one tuple if the better alternative was sooner and one if it was later."""

    sooner: tuple[float, float, float, float]
    later: tuple[float, float, float, float]


# A delay cannot be negative: if an earlier entry was better, neither entry lever can express it.
LADDERS: Mapping[str, Ladder] = MappingProxyType(
    {
        "entry_delay_bars": Ladder(sooner=(0.0, 0.0, 0.0, 0.0), later=(0.0, 1.0, 2.0, 3.0)),
        "phase1_frac_mult": Ladder(sooner=(1.0, 1.0, 1.0, 1.0), later=(1.0, 0.95, 0.85, 0.7)),
        "trim_delay_mult": Ladder(sooner=(1.0, 1.0, 0.8, 0.5), later=(1.0, 1.0, 1.25, 2.0)),
    }
)


def tuning_targets(
    category: str,
    grade: Grade | None,
    days: Days,
    baseline: float,
    n_min: int,
    lessons: LessonParameters,
    weights: WeightParameters,
) -> dict[str, float]:
    """Return lever -> absolute target inside the (tightened) bounds, for a cell of a pm category.

    `grade` is the cell's; if it is None, because its trades report no alternative, levers that depend on it are left
    out. The edge is that of the last day, in R; `weights` are those of pm_tuning.

    >>> import numpy as np
    >>> days, waiting = Days(np.array([0]), np.array([12]), np.array([0.4])), Grade("medium", "2", True, 0.8, 0.1, 12)
    >>> tuning_targets("entry", waiting, days, 0.0, 10, LessonParameters(), WeightParameters())
    {'phase1_frac_mult': 0.85, 'entry_delay_bars': 2.0, 'min_ts_for_add': 0.55}
    """
    edge = float(days.mean[-1]) - baseline if len(days.mean) else 0.0
    targets = {}
    for lever in levers_of("pm", category):
        if lever.channel is not Channel.PM_TUNING:
            continue
        low, high = weights.bounds_of(lever.name)
        target: float | None = None
        if lever.name in LADDERS and grade is not None:
            target = _rung(LADDERS[lever.name], grade)
        elif lever.name in SIGNAL_TARGETS and edge > lessons.signal_edge_min:
            target = SIGNAL_TARGETS[lever.name]
        elif lever.name == "trail_mult":
            target = _trail(days, baseline, n_min, lessons, low, high)
        if target is not None:
            targets[lever.name] = min(max(target, low), high)
    return targets


def _rung(ladder: Ladder, grade: Grade) -> float:
    """Return the target on the ladder for the grade."""
    return (ladder.later if grade.is_later else ladder.sooner)[grade.rank]


def _trail(days: Days, baseline: float, n_min: int, lessons: LessonParameters, low: float, high: float) -> float:
    """Return the target of the trailing distance, the inverse of the lesson's movement."""
    moved = move_multiplier(
        days,
        baseline,
        n_min=n_min,
        learning_rate=lessons.learning_rate,
        lesson_edge_scale=lessons.lesson_edge_scale,
        low=1 / high,
        high=1 / low,
    )
    return 1 / moved.target
