"""The noise twins of a run of the evidence method: the same fit to facts in which scope cannot matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from learning.core.evidence_method import noise_twins
from learning.core.significance.twin_gate import SEEDS, TwinCounts
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
    return replace(loaded, observations=noise_twins.within_weeks(loaded.observations, loaded.categories, seed))


def shifted_in_time(loaded: LoadedObservations, seed: int) -> LoadedObservations:
    """Return the observations with the scopes of other times."""
    return replace(loaded, observations=noise_twins.shifted_in_time(loaded.observations, seed))
