"""The fits of a module, one for each family of categories, with the overrides of all of them in one ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Self

import numpy as np

from learning.core.cells.rows import MISSING, Bools, Floats, Ints
from learning.core.evidence_method.fit import Fit, fit
from learning.core.evidence_method.fold_down import Overrides, fold_down
from learning.core.evidence_method.lever_targets import log_size_multipliers, verified
from learning.core.evidence_method.observations import Observations
from learning.core.significance.strength import NO_BRAKE, Brake
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters

# Outcomes of the same meaning are fitted together: what a trade earned, or the loss that a sale avoided.
FAMILIES: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {"pm": (("entry", "add"), ("trim", "exit")), "dm": (("allocation",),)}
)


def family_name(family: Sequence[str]) -> str:
    """Return how pages and stored strengths name categories that are fitted together.

    >>> family_name(("entry", "add"))
    'entry and add'
    """
    return " and ".join(family)


@dataclass(frozen=True, eq=False)
class Learned:
    """The fits, and the overrides of all fits, best first; the first `materialised` of them are to be proposed.

    rows      for each fit, (rows,) the observation that each of its rows stands for
    verified  (overrides,) see `lever_targets.verified`
    c         (overrides,) log of the requested size multiplier
    """

    fits: tuple[Fit, ...]
    rows: tuple[Ints, ...]
    overrides: Overrides
    verified: Bools
    c: Floats
    materialised: int

    def with_none_verified(self, parameters: EvidenceParameters) -> Self:
        """Return the same with no override verified, so that none requests more than unverified ones may."""
        nothing = np.zeros(len(self.overrides), dtype=np.bool_)
        return replace(self, verified=nothing, c=log_size_multipliers(self.overrides, nothing, parameters))


def learn(
    observations: Observations,
    families: Sequence[Sequence[int]],
    as_of: float,
    parameters: EvidenceParameters,
    brakes: Sequence[Brake] = (),
) -> Learned | None:
    """Fit each family, a list of category codes, separately; None if no family has an observation.

    Observations whose category is in no family are left out. `as_of` is in days from the observations' origin. `brakes`
    has one for each family; without it nothing is braked. Raises ValueError and BudgetExceeded as `fit` and `fold_down`
    do.
    """
    members = [np.flatnonzero(np.isin(observations.category, family)) for family in families]
    braked = list(zip(members, brakes or [NO_BRAKE] * len(members), strict=True))
    members, brakes = [each for each in members if len(each)], [brake for each, brake in braked if len(each)]
    if not members:
        return None
    fits = tuple(fit(observations.take(each), as_of, parameters) for each in members)
    rows = tuple(each[found.order] for each, found in zip(members, fits, strict=True))
    overrides = Overrides.join(*map(fold_down, fits, brakes)).ranked()
    is_verified = verified(overrides, parameters)
    c = log_size_multipliers(overrides, is_verified, parameters)
    return Learned(fits, rows, overrides, is_verified, c, min(len(overrides), parameters.max_overrides))


def learn_module(
    observations: Observations,
    module: str,
    categories: Sequence[str],
    as_of: float,
    parameters: EvidenceParameters,
    brakes: Sequence[Brake] = (),
) -> Learned | None:
    """Return the fits of a module, one for each of its `FAMILIES`; None without observations. See `learn`.

    `categories` are the names that the category codes stand for; all of the module's are among them.
    """
    return learn(observations, family_codes(module, categories), as_of, parameters, brakes)


def family_codes(module: str, categories: Sequence[str]) -> list[list[int]]:
    """Return the category codes of each family of a module, given the names that the codes stand for.

    >>> family_codes("pm", ("entry", "add", "trim", "exit"))
    [[0, 1], [2, 3]]
    """
    return [[categories.index(category) for category in family] for family in FAMILIES[module]]


def acts(learned: Learned, parameters: EvidenceParameters) -> Bools:
    """Return which overrides `(overrides,)` act: the best, with enough trades of their own and a large enough move.

    The edge of an override with fewer trades is mostly inherited. All others are stored as too light to act.
    """
    n = learned.overrides.n
    is_felt = np.abs(learned.c) >= np.log1p(parameters.least_move)
    acting: Bools = (np.arange(len(n)) < learned.materialised) & (n >= parameters.n_min) & is_felt
    return acting


def verified_with_scope(learned: Learned, parameters: EvidenceParameters) -> Bools:
    """Return which overrides `(overrides,)` are verified, act and have a scope, which is what noise twins count.

    Twins keep the mean of a pattern, so overrides without a scope are not counted; what is not verified stays close to
    neutral.
    """
    of_a_scope = (learned.overrides.scope != MISSING).any(axis=1)
    found: Bools = learned.verified & acts(learned, parameters) & of_a_scope
    return found
