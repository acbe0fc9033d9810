"""The noise twins of a run of the evidence method: the same fit to facts in which scope cannot matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from learning.core.cells.rows import DAY, Ints
from learning.core.significance.permutation import permute_outcomes, shift_scopes
from learning.core.significance.twin_gate import SEEDS, TwinCounts
from learning.lessons.candidates import JUDGED_BY_TRADE
from learning.models import BuilderRun
from learning.readers.observations import LoadedObservations
from overrides.core.engine.definitions.vocabulary import LearningMethod

Count = Callable[[LoadedObservations], int]


def twins_of_run(loaded: LoadedObservations, found: int, of: str, count: Count) -> TwinCounts:
    """Return how many overrides `count` verifies in five twins of each kind, beside the `found` of the run.

    `of` is a hash of what the run verified, by which a later run that verified the same finds the counts again.
    """
    weeks, shifts = (tuple(count(twin(loaded, seed)) for seed in SEEDS) for twin in (within_weeks, shifted_in_time))
    return TwinCounts(found, weeks, shifts, of)


def counted_before(module: str, of: str) -> TwinCounts | None:
    """Return the counts of the newest run of the evidence method, if it verified the same."""
    runs = BuilderRun.objects.filter(module=module, policy=LearningMethod.EVIDENCE).exclude(twins=None)
    document = runs.values_list("twins", flat=True).first()
    known = None if document is None else TwinCounts.from_document(document)
    return known if known is not None and known.of == of else None


def within_weeks(loaded: LoadedObservations, seed: int) -> LoadedObservations:
    """Return the observations with outcomes dealt anew within pattern and week of the trade's decision."""
    observations = loaded.observations
    judged_by_trade = np.array([name in JUDGED_BY_TRADE for name in loaded.categories])
    outcome = permute_outcomes(
        observations.outcome,
        trade=observations.trade,
        pattern=observations.pattern,
        category=observations.category,
        judged_by_trade=judged_by_trade[observations.category],
        at=_moments(loaded),
        seed=seed,
    )
    return replace(loaded, observations=replace(observations, outcome=outcome))


def shifted_in_time(loaded: LoadedObservations, seed: int) -> LoadedObservations:
    """Return the observations with the scopes of other times."""
    observations = loaded.observations
    scope = shift_scopes(
        observations.scope,
        pattern=observations.pattern,
        category=observations.category,
        at=_moments(loaded),
        seed=seed,
    )
    return replace(loaded, observations=replace(observations, scope=scope))


def _moments(loaded: LoadedObservations) -> Ints:
    """Return the moment of each trade's first decision in microseconds, the same for all of its actions."""
    trade, moment = loaded.observations.trade, np.rint(loaded.observations.day * DAY).astype(np.int64)
    first = np.full(int(trade.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, trade, moment)
    moments: Ints = first[trade]
    return moments
