"""The steps behind a strength: fits on what was known then, and what came of the decisions that followed each.

    for j = 1 .. 6: cut = as_of - j h, with h = min(30 days, an eighth of the span)

Each fit knows what had closed before its cut and predicts the decisions of the h days from there. It never sees what it
predicts, and only outcomes known at `as_of` are compared (docs/method.md 5.14).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from learning.core.cells.rows import DAY, Bools, Floats
from learning.core.evidence_method.fit import fit
from learning.core.evidence_method.observations import Observations, shares
from learning.core.evidence_method.predict import predict
from learning.core.significance.strength import Beliefs, Strength, strength_of
from learning.core.walk_forward.outcome_columns import Trades
from learning.core.walk_forward.plan_walker import plan_sizing
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import Combiner

STEPS = 6
LONGEST, PART = 30.0, 8.0  # a step in days at most, and how many of them the span must hold
FEWEST_KNOWN, FEWEST_DECIDED = 200, 30  # rows of a step's fit, and rows that it predicts


def cuts_of(first: float, as_of: float) -> Iterator[tuple[float, float]]:
    """Yield start and end of each step in days, newest first, given the day of the first decision.

    >>> [(cut, end) for cut, end in cuts_of(0.0, 360.0)][:2]
    [(330.0, 360.0), (300.0, 330.0)]
    """
    length = min(LONGEST, (as_of - first) / PART)
    for step in range(1, STEPS + 1):
        yield as_of - step * length, as_of - (step - 1) * length


def evidence_beliefs(observations: Observations, as_of: float, parameters: EvidenceParameters) -> Beliefs:
    """Return what fits of one family believed of the decisions after them; nothing is braked.

    Raises as `fit` does.
    """
    steps = []
    for cut, end in cuts_of(float(observations.day.min(initial=as_of)), as_of):
        known = observations.take(observations.known < cut)
        decided = observations.take(_decided(observations, cut, end, as_of))
        if len(known) < FEWEST_KNOWN or len(decided) < FEWEST_DECIDED:
            continue
        found = fit(known, cut, parameters)
        decided = decided.take(np.isin(decided.category, found.coding.categories))
        expected = predict(found, decided.pattern, decided.category, decided.scope)
        steps.append((decided.day, expected.edge - expected.recent, expected.recent, decided.outcome, shares(decided)))
    return beliefs_of(steps)


def _decided(observations: Observations, cut: float, end: float, as_of: float) -> Bools:
    """Return which rows were decided within the step and have an outcome by now."""
    decided: Bools = (observations.day >= cut) & (observations.day < end) & (observations.known <= as_of)
    return decided


def beliefs_of(steps: Sequence[tuple[Floats, Floats, Floats, Floats, Floats]]) -> Beliefs:
    """Join steps of day, lasting and recent part, outcome and weight, each column `(rows,)`."""
    number = np.repeat(np.arange(len(steps)), [len(step[0]) for step in steps])
    columns = [np.concatenate(each) for each in zip(*steps, strict=True)] or [np.empty(0)] * 5
    return Beliefs(number, *columns)


def evidence_strength(
    observations: Observations, families: Sequence[Sequence[int]], as_of: float, parameters: EvidenceParameters
) -> list[Strength | None]:
    """Return the strength of each family, a list of category codes; None where too little was predicted.

    Raises as `fit` does.
    """
    members = [observations.take(np.isin(observations.category, family)) for family in families]
    return [strength_of(evidence_beliefs(each, as_of, parameters)) for each in members]


def plan_strength(trades: Trades, as_of: int, parameters: ModuleParameters, combiner: Combiner) -> Strength | None:
    """Return the strength of what the plan method's lessons, combined, expected of the trades that a walk sizes.

    `as_of` is in microseconds, and everything in `trades` was known then. Lessons have no recent part. None where too
    little was predicted. Raises as `build_cubes` does.
    """
    decided, steps = trades.decided(), []
    first = int(decided.at.min(initial=as_of))
    for cut, end in cuts_of(first / DAY, as_of / DAY):
        start, stop = round(cut * DAY), round(end * DAY)
        known, coming = trades.known_at(start), decided.take((decided.at >= start) & (decided.at < stop))
        if len(known.decided()) < FEWEST_KNOWN or len(coming) < FEWEST_DECIDED:
            continue
        edge = plan_sizing(known, coming, start, parameters, combiner).edge
        steps.append((coming.at / DAY, edge, np.zeros(len(coming)), coming.outcome, np.ones(len(coming))))
    return strength_of(beliefs_of(steps))
