"""From an edge to a lever target: how far a lesson moves its levers (docs/method.md 3.5).

There is one update for each UTC day on which the cell closed trades, from the first day with n_min units on:

    ln t += ln(1 + learning_rate) * clip((mean up to that day - baseline) / lesson_edge_scale, -1, 1)

The target t is clipped to the lever's bounds after every update, so that a lever at its bound turns on the first day
the evidence does. Targets are recomputed from the facts every time; a rebuild gives the same target.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from learning.core.cells.cell_history import Days
from learning.core.lesson_levers import strength_levers
from overrides.core.engine.definitions.parameters import LessonParameters, WeightParameters


@dataclass(frozen=True)
class LeverMovement:
    """The target of a lever, the number of updates that led to it, and the edge in R on the last day."""

    target: float
    updates: int
    edge_raw: float


def move_multiplier(
    days: Days,
    baseline: float,
    *,
    n_min: int,
    learning_rate: float,
    lesson_edge_scale: float,
    low: float,
    high: float,
) -> LeverMovement:
    """Move a multiplier from 1 by the daily history of a cell, inside [low, high]; without days it stays at 1.

    `baseline` and `lesson_edge_scale` are in R. Example: ten trades at 1 R over a baseline of 0 close on one day and
    one more on the next, which makes two updates of 1.02 ** (1 / 20).

    >>> days = Days(np.array([0, 1]), np.array([10, 11]), np.array([1.0, 1.0]))
    >>> moved = move_multiplier(days, 0.0, n_min=10, learning_rate=0.02, lesson_edge_scale=20, low=0.7, high=1.3)
    >>> round(moved.target, 8), moved.updates, moved.edge_raw
    (1.00198222, 2, 1.0)
    """
    edges = days.mean - baseline
    steps = math.log1p(learning_rate) * np.clip(edges[days.n >= n_min] / lesson_edge_scale, -1.0, 1.0)
    floor, ceiling, position = math.log(low), math.log(high), 0.0
    for step in steps.tolist():
        position = min(max(position + step, floor), ceiling)
    target = min(max(math.exp(position), low), high)  # exp(ln(1.3)) may exceed 1.3 by a rounding error
    return LeverMovement(target, len(steps), float(edges[-1]) if len(edges) else 0.0)


def lever_movements(
    category: str, days: Days, baseline: float, n_min: int, lessons: LessonParameters, weights: WeightParameters
) -> dict[str, LeverMovement]:
    """Return lever -> movement for the strength levers of a category, each within its own (tightened) bounds.

    All levers have the sign of the edge, exit aggression too, because the outcome of a sale is -rr_after, which is
    positive if selling was right. `baseline` is that of the run in R, `n_min` that of the cell.
    """
    bounds = {lever.name: weights.bounds_of(lever.name) for lever in strength_levers(category)}
    rate, scale = lessons.learning_rate, lessons.lesson_edge_scale
    return {
        name: move_multiplier(
            days, baseline, n_min=n_min, learning_rate=rate, lesson_edge_scale=scale, low=low, high=high
        )
        for name, (low, high) in bounds.items()
    }
