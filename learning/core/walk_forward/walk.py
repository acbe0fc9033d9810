"""The walk-forward run: in each fold, learn from what was known, size what comes, and compare with its outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from learning.core.cells.rows import DAY, Floats, day_of
from learning.core.walk_forward.calibration import calibration
from learning.core.walk_forward.evidence_walker import EvidenceWalker
from learning.core.walk_forward.folds import Fold, folds_of
from learning.core.walk_forward.outcome_columns import Trades
from learning.core.walk_forward.plan_walker import CHANNELS, LEVER, plan_sizing
from learning.core.walk_forward.score import scores
from learning.core.walk_forward.sized_trades import SizedTrades, Sizing
from learning.core.walk_forward.uplift_curve import curve
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import Combiner, LearningMethod

Progress = Callable[[float], None]
# (known trades, trades to size, moment in microseconds) -> the sizes of a learning method
SizingMethod = Callable[[Trades, Trades, int], Sizing]


@dataclass(frozen=True, eq=False)
class WalkForwardResult:
    """A finished run: the sized trades, and a JSON summary of each fold."""

    sized: SizedTrades
    folds: tuple[dict[str, Any], ...]


def sizing_method(policy: LearningMethod, combiner: Combiner, parameters: ModuleParameters) -> SizingMethod:
    """Return the function that sizes trades with a learning method under the given parameters, for one walk.

    It may remember the folds it has sized, which come in order.
    """
    return SIZING_METHODS[policy](combiner, parameters)


def _plan(combiner: Combiner, parameters: ModuleParameters) -> SizingMethod:
    return partial(plan_sizing, parameters=parameters, combiner=combiner)


def _evidence(combiner: Combiner, parameters: ModuleParameters) -> SizingMethod:
    return EvidenceWalker(parameters.evidence, *bounds_of(parameters))


SIZING_METHODS: Mapping[LearningMethod, Callable[[Combiner, ModuleParameters], SizingMethod]] = MappingProxyType(
    {LearningMethod.PLAN: _plan, LearningMethod.EVIDENCE: _evidence}
)


def bounds_of(parameters: ModuleParameters) -> tuple[float, float]:
    """Return the bounds of the lever that scales trades in a walk-forward run."""
    module = parameters.module
    return parameters.channels[CHANNELS[module]].weights.bounds_of(LEVER[module])


def walk(
    trades: Trades,
    method: SizingMethod,
    *,
    folds: int,
    protected: tuple[str, ...] = (),
    progress: Progress = lambda _: None,
) -> WalkForwardResult:
    """Size a module's trades fold by fold; trades of protected motifs stay neutral.

    The optimistic (in-sample) sizes come from one more sizing, learned after every outcome was known. `progress`
    receives the completed fraction, 0 to 1.
    """
    decided = trades.decided()
    periods = folds_of(decided.at, folds)
    parts, summaries = [], []
    for number, fold in enumerate(periods):
        in_fold, known = decided.take((decided.at >= fold.start) & (decided.at < fold.end)), trades.known_at(fold.start)
        sizing = _neutral_where_protected(_sizing(method, known, in_fold, fold.start), in_fold, protected)
        parts.append(_sized_trades(number, in_fold, known, sizing))
        summaries.append(_fold_summary(fold, known, in_fold, sizing))
        progress((number + 1) / (len(periods) + 1))
    in_fold = decided.take(decided.at >= periods[0].start) if periods else decided.take(np.arange(0))
    seen_all = _sizing(method, trades, in_fold, int(trades.known.max(initial=0)) + 1)
    optimistic = _neutral_where_protected(seen_all, in_fold, protected).size
    progress(1.0)
    return WalkForwardResult(_joined(parts, optimistic), tuple(summaries))


def figures(result: WalkForwardResult, low: float, high: float) -> dict[str, Any]:
    """Return the results of a run as JSON values: counts, scores, tilt, calibration, folds."""
    sized = result.sized
    return {
        "n": len(sized),
        "days": len(np.unique(sized.day)),
        "mean_rr": float(sized.outcome.mean()) if len(sized) else None,
        **scores(sized, low, high),
        "calibration": calibration(sized),
        "folds": list(result.folds),
    }


def curves(result: WalkForwardResult, low: float, high: float) -> dict[str, Any]:
    """Return the uplift curves of a run; see `uplift_curve.curve`."""
    return curve(result.sized, low, high)


def _sizing(method: SizingMethod, known: Trades, in_fold: Trades, moment: int) -> Sizing:
    """Return the sizes for the trades of a fold; neutral ones if nothing was known."""
    if len(known.decided()) == 0 or len(in_fold) == 0:
        return Sizing.neutral(len(in_fold))
    return method(known, in_fold, moment)


def _neutral_where_protected(sizing: Sizing, in_fold: Trades, protected: tuple[str, ...]) -> Sizing:
    """Return the sizing with the trades of protected motifs set to neutral."""
    codes = [code for code, key in enumerate(in_fold.patterns) if key.rpartition(".")[2] in protected]
    size = np.where(np.isin(in_fold.pattern, codes), 1.0, sizing.size)
    return Sizing(size, sizing.edge, sizing.baseline, sizing.lessons, sizing.verified)


def _sized_trades(number: int, in_fold: Trades, known: Trades, sizing: Sizing) -> SizedTrades:
    """Return the sized trades of one fold."""
    learned_from = known.decided().outcome
    prior_mean = float(learned_from.mean()) if len(learned_from) else 0.0
    return SizedTrades(
        day=day_of(in_fold.at),
        fold=np.full(len(in_fold), number, dtype=np.int64),
        outcome=in_fold.outcome,
        size=sizing.size,
        edge=sizing.edge,
        baseline=sizing.baseline,
        prior_mean=np.full(len(in_fold), prior_mean),
        optimistic=np.ones(len(in_fold)),
    )


def _fold_summary(fold: Fold, known: Trades, in_fold: Trades, sizing: Sizing) -> dict[str, Any]:
    """Return the summary of one fold as JSON values."""
    return {
        "start_day": fold.start // DAY,
        "end_day": fold.end // DAY,
        "known": len(known.decided()),
        "decided": len(in_fold),
        "lessons": sizing.lessons,
        "verified": sizing.verified,
        "mean_size": float(sizing.size.mean()) if len(in_fold) else None,
    }


def _joined(parts: list[SizedTrades], optimistic: Floats) -> SizedTrades:
    """Return the trades of all folds in one, with the in-sample sizes."""
    if not parts:
        no_ints, no_floats = np.empty(0, dtype=np.int64), np.empty(0)
        return SizedTrades(no_ints, no_ints, *[no_floats] * 6)
    names = ("day", "fold", "outcome", "size", "edge", "baseline", "prior_mean")
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return SizedTrades(**columns, optimistic=optimistic)
