"""The evidence method at a moment: the overrides it would have proposed, added up where they match.

    ln m = clip(sum of clip(c) over the matching overrides)

Ramps count as completed. The expected edge of a trade is the prediction of the whole fit, not only of the effects that
became overrides.
"""

from __future__ import annotations

import math

import numpy as np

from learning.core.cells.rows import DAY, MISSING, Floats
from learning.core.evidence_method.fit import Fit
from learning.core.evidence_method.learn import FAMILIES, Learned, learn
from learning.core.evidence_method.predict import predict
from learning.core.walk_forward.outcome_columns import DECIDED, Trades
from learning.core.walk_forward.sized_trades import Sizing
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters


def evidence_sizing(
    known: Trades, decided: Trades, moment: int, parameters: EvidenceParameters, low: float, high: float
) -> Sizing:
    """Return the sizes that a fit on `known` would have given `decided`, within [low, high].

    `known` must have been known before `moment`, in microseconds. Raises as the fit does (BudgetExceeded says what to
    drop).
    """
    found = learned_at(known, moment, parameters)
    if found is None:
        return Sizing.neutral(len(decided))
    learned, fit, category = found
    expected = predict(fit, decided.pattern, decided.category, decided.scope)
    bounds = math.log(low), math.log(high)
    size = np.exp(np.clip(log_sizes(learned, decided, bounds), *bounds))
    deciding = learned.overrides.category[: learned.materialised] == category
    verified = int((deciding & learned.verified[: learned.materialised]).sum())
    return Sizing(size, expected.edge, expected.mu0, int(deciding.sum()), verified)


def learned_at(known: Trades, moment: int, parameters: EvidenceParameters) -> tuple[Learned, Fit, int] | None:
    """Return what is learned from `known` at a moment in microseconds, the fit of the deciding category and its code.

    None if no outcome of that category was known. Raises as the fit does.
    """
    families = [
        [known.categories.index(each) for each in family if each in known.categories] for family in _families_of(known)
    ]
    learned = learn(known.observations(), families, moment / DAY, parameters)
    category = known.categories.index(DECIDED[known.module])
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
