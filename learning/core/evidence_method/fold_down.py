"""Folding down: from effects of shared blocks to one row per pattern, category and scope, the key of an override.

    override(pattern, category, scope).b = sum of the effects on that scope over owners and windows

so that adding up the overrides that match a trade gives what the fit predicts for it, without wildcard keys. Variances
add up likewise, as the posterior's effects are independent.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple, Self

import numpy as np

from learning.core.cells.effect_cells import Numbered, digits_of, key_of, number_cells
from learning.core.cells.rows import MISSING, Bools, Codes, Floats, Ints
from learning.core.evidence_method.blocks import BudgetExceeded
from learning.core.evidence_method.coding import FIRST_DIMENSION, Coding, Owner
from learning.core.evidence_method.fit import Block, Fit
from learning.core.evidence_method.mixture import normal_cdf


@dataclass(frozen=True, eq=False)
class Overrides:
    """What was learned of each pattern, category and scope with at least one trade, as columns of one length.

    pattern, category  codes
    scope              (overrides, dims) codes, -1 in the dimensions the override leaves open
    n                  its own units
    weight             sum of their age weights
    raw, raw_se        mean outcome of its own trades beside everything else that was fitted, unshrunk, and its standard
                       error, in R; over all days, while b is of the days to come and may hold a recent shift
    b, sd              the edge it adds, shrunk, and its posterior sd, in R; `parts` add up to b
    parts              (overrides, 3) of b, learned from all trades, from the pattern's, and from its own
    recent             the part of b that holds for the most recent days alone, in R
    lfsr               how likely b has the wrong sign, 0 to 0.5
    mu0                mean outcome of the category, in R: b is over this
    noise              s_p of the pattern, in R
    """

    pattern: Ints
    category: Ints
    scope: Codes
    n: Ints
    weight: Floats
    raw: Floats
    raw_se: Floats
    b: Floats
    sd: Floats
    parts: Floats
    recent: Floats
    lfsr: Floats
    mu0: Floats
    noise: Floats

    def __len__(self) -> int:
        return len(self.n)

    @property
    def score(self) -> Floats:
        """n b^2: what an override is ranked by."""
        return self.n * self.b**2

    @property
    def owner_shares(self) -> Floats:
        """(overrides, 3) how much of the evidence is all trades', the pattern's and its own; a row adds up to 1.

        Of absolute parts: an own part may speak against what it inherits.
        """
        magnitude: Floats = np.abs(self.parts)
        magnitude /= magnitude.sum(axis=1, keepdims=True)
        return magnitude

    def take(self, index: Ints | Bools) -> Self:
        return type(self)(*(getattr(self, field.name)[index] for field in fields(self)))

    def ranked(self) -> Self:
        """Best score first; ties by fewer dimensions, then pattern, category and scope."""
        dims = (self.scope != MISSING).sum(axis=1)
        return self.take(np.lexsort((*self.scope.T[::-1], self.category, self.pattern, dims, -self.score)))

    @classmethod
    def join(cls, *parts: Self) -> Self:
        """The rows of the parts (one at least, of the same dimensions), one part after the other."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))


def fold(fit: Fit) -> Overrides:
    """Every override with an edge other than 0, ranked.

    Raises BudgetExceeded beyond `cell_budget` of them.
    """
    subsets = dict.fromkeys(block.cells.columns[1:] for block in fit.blocks)
    parts, left = [], fit.parameters.cell_budget
    for subset in subsets or [()]:
        parts.append(_folded(fit, subset))
        left -= len(parts[-1])
        if left < 0:
            raise BudgetExceeded(
                f"scope: more than the {fit.parameters.cell_budget:,} overrides of cell_budget; "
                "drop the dimension of most values, or merge its values"
            )
    return Overrides.join(*parts).ranked()


def _folded(fit: Fit, subset: tuple[int, ...]) -> Overrides:
    """The overrides of one subset."""
    sample, coding, scale = fit.sample, fit.coding, fit.noise.scale
    blocks = [block for block in fit.blocks if block.cells.columns[1:] == subset]
    # An override that inherits nothing needs trades of its own.
    fewest = 1 if any(block.of.owner is not Owner.OWN for block in blocks) else fit.parameters.n_min
    own = number_cells(sample.digits, coding.widths, (Owner.OWN, *subset), sample.units, fewest)
    group, *values = digits_of(own.key, coding.widths, own.columns)
    effects = _effects(fit, blocks, group, values)
    raw, raw_se = _own_evidence(fit, own, effects)
    b, sd = effects.parts.sum(axis=1), np.sqrt(effects.variance)
    pattern, category = coding.group_pattern[group - 1], coding.group_category[group - 1]
    folded = Overrides(
        pattern=coding.patterns[pattern],
        category=coding.categories[category],
        scope=_scope(coding, len(own), subset, values),
        n=own.n,
        weight=own.sums(sample.weight),
        raw=raw * scale,
        raw_se=raw_se * scale,
        b=b * scale,
        sd=sd * scale,
        parts=effects.parts * scale,
        recent=effects.recent * scale,
        lfsr=normal_cdf(-np.abs(b) / np.where(sd > 0, sd, 1.0)),
        mu0=fit.noise.mu0[category],
        noise=fit.noise.sd[pattern] * scale,
    )
    return folded.take(b != 0)


def _scope(coding: Coding, cells: int, subset: tuple[int, ...], values: list[Ints]) -> Codes:
    """(cells, dims) codes, given the digits of each dimension of the subset."""
    scope = np.full((cells, len(coding.values)), MISSING, dtype=np.int64)
    for column, digit in zip(subset, values, strict=True):
        scope[:, column - FIRST_DIMENSION] = coding.codes(column, digit)
    return scope


class _Effects(NamedTuple):
    """Of each cell: parts by owner (cells, 3), the recent part, and the variance of their sum, in units of scale."""

    parts: Floats
    recent: Floats
    variance: Floats


def _effects(fit: Fit, blocks: list[Block], group: Ints, values: list[Ints]) -> _Effects:
    parts, recent, variance = np.zeros((len(group), len(Owner))), np.zeros(len(group)), np.zeros(len(group))
    for block in blocks:
        digits = [fit.coding.owner_digit(block.of.owner, group), *values]
        at = block.cells.find(key_of(digits, fit.coding.widths, block.cells.columns))
        b = np.append(block.b, 0.0).take(at)
        parts[:, block.of.owner] += b
        variance += np.append(block.var, 0.0).take(at)
        if block.of.recent:
            recent += b
    return _Effects(parts, recent, variance)


def _own_evidence(fit: Fit, own: Numbered, effects: _Effects) -> tuple[Floats, Floats]:
    """Precision-weighted mean of what own trades earned beside all effects but this override's, and its standard error.

    Residuals have the override's effects taken out, the recent one from the trades of the window alone.
    """
    sample, precision = fit.sample, fit.sample.precision
    recent = np.where(np.arange(len(precision)) < sample.recent, precision, 0.0)
    total = own.sums(precision)
    left = own.sums(precision * fit.residual) / total
    lasting = effects.parts.sum(axis=1) - effects.recent
    return left + lasting + effects.recent * own.sums(recent) / total, np.sqrt(sample.variances(own, total))
