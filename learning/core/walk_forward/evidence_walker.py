"""The evidence method at a moment: the overrides it would have proposed, added up where they match.

    ln m = clip(sum of clip(c) over the matching overrides)

Ramps count as completed. The expected edge of a trade is the prediction of the whole fit, not only of the effects that
became overrides. Both are braked by the strength that the folds before have shown: their fits are its steps, so that a
fold costs one fit.
"""

from __future__ import annotations

import math

import numpy as np

from learning.core.cells.rows import DAY, MISSING, Floats
from learning.core.evidence_method.fit import Fit
from learning.core.evidence_method.learn import FAMILIES, Learned, learn
from learning.core.evidence_method.predict import Prediction, predict
from learning.core.significance.strength import NO_BRAKE, Brake, strength_of
from learning.core.walk_forward.outcome_columns import DECIDED, Trades
from learning.core.walk_forward.prequential import FEWEST_DECIDED, FEWEST_KNOWN, STEPS, beliefs_of
from learning.core.walk_forward.sized_trades import Sizing
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters


class EvidenceWalker:
    """Sizes the trades of one fold after another, and remembers what it believed of them.

    Folds must come in order. Of the trades that the folds before sized, those that have closed by the next one show how
    much of what was believed came true.
    """

    def __init__(self, parameters: EvidenceParameters, low: float, high: float) -> None:
        self.parameters, self.low, self.high = parameters, low, high
        self.steps: list[tuple[Trades, Prediction]] = []

    def __call__(self, known: Trades, decided: Trades, moment: int) -> Sizing:
        """Return the sizes that a fit on `known` would have given `decided`, within the bounds.

        `known` must have been known before `moment`, in microseconds. Raises as the fit does (BudgetExceeded says what
        to drop).
        """
        brake = self.brake(moment)
        found = learned_at(known, moment, self.parameters, brake)
        if found is None:
            return Sizing.neutral(len(decided))
        learned, fit, category = found
        believed = predict(fit, decided.pattern, decided.category, decided.scope)
        expected = believed.braked(brake)
        bounds = math.log(self.low), math.log(self.high)
        size = np.exp(np.clip(log_sizes(learned, decided, bounds), *bounds))
        deciding = learned.overrides.category[: learned.materialised] == category
        verified = int((deciding & learned.verified[: learned.materialised]).sum())
        self.remember(known, decided, believed)
        return Sizing(size, expected.edge, expected.mu0, int(deciding.sum()), verified)

    def remember(self, known: Trades, decided: Trades, believed: Prediction) -> None:
        """Keep what a fit on `known` believed of the trades of a fold; too small folds tell nothing."""
        if len(known) >= FEWEST_KNOWN and len(decided) >= FEWEST_DECIDED:
            self.steps.append((decided, believed))

    def brake(self, moment: int) -> Brake:
        """Return the brake of a fit at a moment in microseconds, from the folds before it."""
        steps = []
        for decided, believed in self.steps[-STEPS:]:
            closed = decided.known < moment
            recent, outcome = believed.recent[closed], decided.outcome[closed]
            columns = (decided.at[closed] / DAY, believed.edge[closed] - recent, recent, outcome, np.ones(len(outcome)))
            steps.append(columns)
        strength = strength_of(beliefs_of(steps))
        return NO_BRAKE if strength is None else strength.brake


def learned_at(
    known: Trades, moment: int, parameters: EvidenceParameters, brake: Brake = NO_BRAKE
) -> tuple[Learned, Fit, int] | None:
    """Return what is learned from `known` at a moment in microseconds, the fit of the deciding category and its code.

    The brake is that of the deciding category's fit; others are not braked. None if no outcome of that category was
    known. Raises as the fit does.
    """
    families = [
        [known.categories.index(each) for each in family if each in known.categories] for family in _families_of(known)
    ]
    category = known.categories.index(DECIDED[known.module])
    brakes = [brake if category in family else NO_BRAKE for family in families]
    learned = learn(known.observations(), families, moment / DAY, parameters, brakes)
    fit = None if learned is None else _fit_of(learned, category)
    return None if learned is None or fit is None else (learned, fit, category)


def _families_of(known: Trades) -> tuple[tuple[str, ...], ...]:
    """Return the families of categories that are fitted together, for the module of the trades."""
    return FAMILIES[known.module]


def _fit_of(learned: Learned, category: int) -> Fit | None:
    """Return the fit that includes the deciding category; None if no outcome of that category was known."""
    return next((fit for fit in learned.fits if category in fit.coding.categories), None)


def log_sizes(learned: Learned, decided: Trades, bounds: tuple[float, float]) -> Floats:
    """Return the sum of c over the overrides that match each trade, shape `(rows,)`.

    Each c is clipped to the bounds; the sum is not.
    """
    total = np.zeros(len(decided))
    chosen = learned.overrides.take(np.arange(learned.materialised))
    requested = np.clip(learned.c[: learned.materialised], *bounds)
    groups = list(zip(chosen.pattern.tolist(), chosen.category.tolist(), strict=True))
    rows = {
        group: np.flatnonzero((decided.pattern == group[0]) & (decided.category == group[1])) for group in set(groups)
    }
    for group, scope, c in zip(groups, chosen.scope, requested.tolist(), strict=True):
        inside, closed = rows[group], scope != MISSING
        matches = (decided.scope[np.ix_(inside, np.flatnonzero(closed))] == scope[closed]).all(axis=1)
        total[inside[matches]] += c
    return total
