"""The fits of a module, one for each family of categories, and their overrides in one ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from learning.core.cells.rows import Bools, Floats, Ints
from learning.core.evidence_method.fit import Fit, fit
from learning.core.evidence_method.fold_down import Overrides, fold
from learning.core.evidence_method.lever_targets import contributions, verified
from learning.core.evidence_method.observations import Observations
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters

# Outcomes that mean the same are fitted together: what a trade earned, or what was spared by selling.
FAMILIES: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {"pm": (("entry", "add"), ("trim", "exit")), "dm": (("allocation",),)}
)


@dataclass(frozen=True, eq=False)
class Learned:
    """The fits, and the overrides of all of them, best first: the first `materialised` are to be proposed.

    rows      per fit, (rows,) which of the observations each of its rows is
    verified  (overrides,)
    c         (overrides,) log of the size multiplier asked for
    """

    fits: tuple[Fit, ...]
    rows: tuple[Ints, ...]
    overrides: Overrides
    verified: Bools
    c: Floats
    materialised: int


def learn(
    observations: Observations, families: Sequence[Sequence[int]], as_of: float, parameters: EvidenceParameters
) -> Learned | None:
    """Fit each family, a list of category codes, by itself; None where no family has an observation.

    Observations of a category in no family are left out. Raises as `fit` and `fold` do.
    """
    members = [np.flatnonzero(np.isin(observations.category, family)) for family in families]
    members = [each for each in members if len(each)]
    if not members:
        return None
    fits = tuple(fit(observations.take(each), as_of, parameters) for each in members)
    rows = tuple(each[found.order] for each, found in zip(members, fits, strict=True))
    overrides = Overrides.join(*map(fold, fits)).ranked()
    sure, c = verified(overrides, parameters), contributions(overrides, parameters)
    return Learned(fits, rows, overrides, sure, c, min(len(overrides), parameters.max_overrides))
