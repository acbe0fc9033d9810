"""The walk itself: fold by fold, learn from what had closed, decide what comes, compare with what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from learning.core.cells.rows import DAY, Floats, day_of
from learning.core.walk_forward.calibration import calibration
from learning.core.walk_forward.evidence_walker import evidence_stance
from learning.core.walk_forward.folds import Fold, folds_of
from learning.core.walk_forward.outcome_columns import Trades
from learning.core.walk_forward.plan_walker import CHANNELS, LEVER, plan_stance
from learning.core.walk_forward.score import scores
from learning.core.walk_forward.sized_trades import SizedTrades, Sizing
from learning.core.walk_forward.uplift_curve import curve
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import Combiner, LearningMethod

Progress = Callable[[float], None]
# (trades known, trades to decide, moment in microseconds) -> how the policy stands to them
Policies = Callable[[Trades, Trades, int], Sizing]


@dataclass(frozen=True, eq=False)
class Walked:
    """A finished walk: the bets, and each fold with how the policy stood when it began."""

    bets: SizedTrades
    folds: tuple[dict[str, Any], ...]


def policy_of(policy: LearningMethod, combiner: Combiner, parameters: ModuleParameters) -> Policies:
    """How a policy comes to its stance, under the parameters given."""
    return STANCES[policy](combiner, parameters)


def _plan(combiner: Combiner, parameters: ModuleParameters) -> Policies:
    return partial(plan_stance, parameters=parameters, combiner=combiner)


def _evidence(combiner: Combiner, parameters: ModuleParameters) -> Policies:
    low, high = bounds_of(parameters)
    return partial(evidence_stance, parameters=parameters.evidence, low=low, high=high)


STANCES: Mapping[LearningMethod, Callable[[Combiner, ModuleParameters], Policies]] = MappingProxyType(
    {LearningMethod.PLAN: _plan, LearningMethod.EVIDENCE: _evidence}
)


def bounds_of(parameters: ModuleParameters) -> tuple[float, float]:
    """Of the lever that a walk sizes by."""
    module = parameters.module
    return parameters.channels[CHANNELS[module]].weights.bounds_of(LEVER[module])


def walk(
    trades: Trades,
    stance: Policies,
    *,
    folds: int,
    protected: tuple[str, ...] = (),
    progress: Progress = lambda _: None,
) -> Walked:
    """Walk a policy through a module's trades; motifs that are protected stay neutral.

    The optimistic sizes come from one more stance, taken after every outcome was known.
    """
    decided = trades.decided()
    cuts = folds_of(decided.at, folds)
    stages, told = [], []
    for number, fold in enumerate(cuts):
        acted, known = decided.take((decided.at >= fold.start) & (decided.at < fold.end)), trades.known_at(fold.start)
        stood = _neutral_where_protected(_stance(stance, known, acted, fold.start), acted, protected)
        stages.append(_bets(number, acted, known, stood))
        told.append(_told(fold, known, acted, stood))
        progress((number + 1) / (len(cuts) + 1))
    acted = decided.take(decided.at >= cuts[0].start) if cuts else decided.take(np.arange(0))
    seen_all = _stance(stance, trades, acted, int(trades.closed_at.max(initial=0)) + 1)
    optimistic = _neutral_where_protected(seen_all, acted, protected).size
    progress(1.0)
    return Walked(_joined(stages, optimistic), tuple(told))


def figures(walked: Walked, low: float, high: float) -> dict[str, Any]:
    """What is told of a walk, as JSON values: counts, scores, tilt, calibration, folds."""
    bets = walked.bets
    return {
        "n": len(bets),
        "days": len(np.unique(bets.day)),
        "mean_rr": float(bets.outcome.mean()) if len(bets) else None,
        **scores(bets, low, high),
        "calibration": calibration(bets),
        "folds": list(walked.folds),
    }


def curves(walked: Walked, low: float, high: float) -> dict[str, Any]:
    return curve(walked.bets, low, high)


def _stance(stance: Policies, known: Trades, acted: Trades, moment: int) -> Sizing:
    if len(known.decided()) == 0 or len(acted) == 0:
        return Sizing.neutral(len(acted))
    return stance(known, acted, moment)


def _neutral_where_protected(stood: Sizing, acted: Trades, protected: tuple[str, ...]) -> Sizing:
    codes = [code for code, key in enumerate(acted.patterns) if key.rpartition(".")[2] in protected]
    size = np.where(np.isin(acted.pattern, codes), 1.0, stood.size)
    return Sizing(size, stood.edge, stood.baseline, stood.lessons, stood.verified)


def _bets(number: int, acted: Trades, known: Trades, stood: Sizing) -> SizedTrades:
    learned_from = known.decided().outcome
    nothing = float(learned_from.mean()) if len(learned_from) else 0.0
    return SizedTrades(
        day=day_of(acted.at),
        fold=np.full(len(acted), number, dtype=np.int64),
        outcome=acted.outcome,
        size=stood.size,
        edge=stood.edge,
        baseline=stood.baseline,
        nothing=np.full(len(acted), nothing),
        optimistic=np.ones(len(acted)),
    )


def _told(fold: Fold, known: Trades, acted: Trades, stood: Sizing) -> dict[str, Any]:
    return {
        "start_day": fold.start // DAY,
        "end_day": fold.end // DAY,
        "known": len(known.decided()),
        "decided": len(acted),
        "lessons": stood.lessons,
        "verified": stood.verified,
        "mean_size": float(stood.size.mean()) if len(acted) else None,
    }


def _joined(stages: list[SizedTrades], optimistic: Floats) -> SizedTrades:
    nothing = np.empty(0)
    if not stages:
        none = np.empty(0, dtype=np.int64)
        return SizedTrades(none, none, nothing, nothing, nothing, nothing, nothing, nothing)
    names = ("day", "fold", "outcome", "size", "edge", "baseline", "nothing")
    columns = {name: np.concatenate([getattr(stage, name) for stage in stages]) for name in names}
    return SizedTrades(**columns, optimistic=optimistic)
