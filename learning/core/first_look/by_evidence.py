"""The evidence method over facts in memory: strength, fits, verified overrides, twins and walk-forward."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from learning.core.cells.rows import DAY, Ints
from learning.core.evidence_method.learn import (
    FAMILIES,
    Learned,
    acts,
    family_codes,
    family_name,
    learn_module,
    verified_with_scope,
)
from learning.core.evidence_method.noise_twins import shifted_in_time, within_weeks
from learning.core.evidence_method.observations import Observations
from learning.core.first_look.method_look import Line, MethodLook, strongest, walked
from learning.core.significance.strength import NO_BRAKE, Strength
from learning.core.significance.twin_gate import TwinCounts
from learning.core.walk_forward.outcome_columns import Trades
from learning.core.walk_forward.prequential import evidence_strength
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import Combiner, LearningMethod


def look_by_evidence(
    trades: Trades, clusters: Ints, parameters: ModuleParameters, as_of: int, seeds: Sequence[int]
) -> MethodLook:
    """Return what the evidence method finds as of a moment in microseconds; its strength is measured first.

    Where the twins find too many, nothing counts as verified, as in a build. Raises ValueError, with what to do, if the
    facts cannot be fitted.
    """
    if not len(trades):
        return MethodLook(LearningMethod.EVIDENCE)
    observations, evidence, day = trades.observations(), parameters.evidence, as_of / DAY
    families = family_codes(trades.module, trades.categories)
    strengths = evidence_strength(observations, families, day, evidence)
    brakes = [NO_BRAKE if each is None else each.brake for each in strengths]

    def learned_from(facts: Observations) -> Learned | None:
        return learn_module(facts, trades.module, trades.categories, day, evidence, brakes)

    def count(facts: Observations) -> int:
        found = learned_from(facts)
        return 0 if found is None else int(verified_with_scope(found, evidence).sum())

    learned = learned_from(observations)
    assert learned is not None
    found = int(verified_with_scope(learned, evidence).sum())
    weeks = tuple(count(within_weeks(observations, trades.categories, seed)) for seed in seeds)
    shifts = tuple(count(shifted_in_time(observations, seed)) for seed in seeds)
    if not TwinCounts(found, weeks, shifts).is_beyond_noise:
        learned = learned.with_none_verified(evidence)
    return MethodLook(
        method=LearningMethod.EVIDENCE,
        tested=len(learned.overrides),
        acting=int(acts(learned, evidence).sum()),
        found=found,
        weeks=weeks,
        shifts=shifts,
        walk=walked(trades, LearningMethod.EVIDENCE, Combiner.EVIDENCE, parameters),
        lines=strongest(_lines(trades, learned, parameters)),
        strengths=_named(trades.module, strengths),
    )


def _lines(trades: Trades, learned: Learned, parameters: ModuleParameters) -> list[Line]:
    """Return the overrides that act as lines, best first."""
    overrides, counted = learned.overrides, verified_with_scope(learned, parameters.evidence)
    return [
        Line(
            pattern_key=trades.patterns[int(overrides.pattern[at])],
            action_category=trades.categories[int(overrides.category[at])],
            scope=trades.scope_of(overrides.scope[at]),
            n=int(overrides.n[at]),
            raw=float(overrides.raw[at]),
            raw_se=float(overrides.raw_se[at]),
            edge=float(overrides.b[at]),
            sd=float(overrides.sd[at]),
            certainty=1.0 - float(overrides.lfsr[at]),
            is_counted=bool(counted[at]),
        )
        for at in np.flatnonzero(acts(learned, parameters.evidence)).tolist()
    ]


def _named(module: str, strengths: Sequence[Strength | None]) -> dict[str, float | None]:
    """Return the whole strength of each family by its name; None where too little was predicted."""
    names = map(family_name, FAMILIES[module])
    return {name: None if each is None else each.whole.value for name, each in zip(names, strengths, strict=True)}
