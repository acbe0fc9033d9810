"""The baseline: the mean outcome against which an edge is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from learning.core.cells.rows import Rows
from learning.core.cells.units import unit_means


@dataclass(frozen=True)
class Baseline:
    """The mean outcome in R over `n` units; 0.0 if there are no units."""

    n: int
    mean: float


def baseline_of(groups: Sequence[Rows]) -> Baseline:
    """Return the mean outcome in R of all distinct units of a (module, action_category), given all of its groups.

    A trade or cluster counts once over all the groups together, as it would in one cell that held them all: trade
    and cluster numbers must mean the same in every group.
    """
    if not groups:
        return Baseline(0, 0.0)
    trade, cluster, outcomes = (
        np.concatenate([getattr(rows, name) for rows in groups]) for name in ("trade", "cluster", "outcomes")
    )
    order = np.lexsort((trade, cluster))
    _, means = unit_means(np.zeros(len(order), dtype=np.int64), cluster[order], trade[order], outcomes[order])
    return Baseline(len(means), float(means.mean()) if len(means) else 0.0)
