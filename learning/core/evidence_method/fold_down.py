"""Folding down: from the effects of shared blocks to one row for each pattern, category and scope, an override's key.

    override(pattern, category, scope).b = sum of the effects on that scope over owners and windows

The sum over the overrides that match a trade then equals the fit's prediction for it, without wildcard keys. Variances
add up in the same way, because the effects are independent in the posterior. A brake then multiplies the lasting and
the recent part of every b (`significance.strength`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple, Self

import numpy as np

from learning.core.cells.effect_cells import EffectCells, digits_of, key_of, number_cells
from learning.core.cells.rows import MISSING, Bools, Codes, Floats, Ints
from learning.core.evidence_method.blocks import BudgetExceeded
from learning.core.evidence_method.coding import FIRST_DIMENSION, Coding, Owner
from learning.core.evidence_method.fit import Block, Fit
from learning.core.evidence_method.mixture import normal_cdf
from learning.core.significance.strength import NO_BRAKE, Brake


@dataclass(frozen=True, eq=False)
class Overrides:
    """The learned edge of each pattern, category and scope with at least one trade, as columns `(overrides,)`.

    pattern, category  codes
    scope              (overrides, dims) codes, -1 in the dimensions that the override leaves open
    n                  units of its own
    weight             sum of their age weights
    raw, raw_se        mean outcome of its own trades after all other fitted effects are subtracted, unshrunk, and its
                       standard error, in R; over all days, while b is for the coming days, with any recent shift
    b, sd              the edge it adds, shrunk, and its posterior sd, in R; `parts` add up to b
    parts              (overrides, 3) the parts of b learned from all trades, from the pattern's and from its own
    days               (overrides, 3) effective decision days: the fewest behind the first two parts; of its own trades
    left_out           what was learned on too few days to count, and is no part of b, in R
    recent             the part of b that holds for the most recent days alone, in R
    believed           (overrides, 2) the lasting and the recent part of the edge as fitted, before the brake, in R
    lfsr               probability that b has the wrong sign, 0 to 0.5
    mu0                mean outcome of the category in R, to which b is added
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
    days: Floats
    left_out: Floats
    recent: Floats
    believed: Floats
    lfsr: Floats
    mu0: Floats
    noise: Floats

    def __len__(self) -> int:
        return len(self.n)

    @property
    def score(self) -> Floats:
        """The ranking score of each override, n b^2, shape `(overrides,)`."""
        return self.n * self.b**2

    @property
    def owner_shares(self) -> Floats:
        """The shares `(overrides, 3)` of all trades, the pattern and the override itself in the evidence.

        Each row adds up to 1, or to 0 where the brake leaves nothing. Shares are of absolute parts, because an own part
        may have the opposite sign of what it inherits.
        """
        magnitude: Floats = np.abs(self.parts)
        total = magnitude.sum(axis=1, keepdims=True)
        return magnitude / np.where(total > 0, total, 1.0)

    def take(self, index: Ints | Bools) -> Self:
        """Return the overrides at the index (numbers, or one boolean for each), in the order of the index."""
        return type(self)(*(getattr(self, field.name)[index] for field in fields(self)))

    def ranked(self) -> Self:
        """Return the overrides with the best score first; ties by fewer dimensions, then pattern, category, scope."""
        dims = (self.scope != MISSING).sum(axis=1)
        return self.take(np.lexsort((*self.scope.T[::-1], self.category, self.pattern, dims, -self.score)))

    @classmethod
    def join(cls, *parts: Self) -> Self:
        """Return the rows of all parts (at least one, all with the same dimensions), one part after another."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))


def fold_down(fit: Fit, brake: Brake = NO_BRAKE) -> Overrides:
    """Return every override with an edge other than 0 before the brake, ranked by score.

    Raises BudgetExceeded if there are more than `cell_budget` of them.
    """
    subsets = dict.fromkeys(block.cells.columns[1:] for block in fit.blocks)
    parts, left = [], fit.parameters.cell_budget
    for subset in subsets or [()]:
        parts.append(_fold_subset(fit, subset, brake))
        left -= len(parts[-1])
        if left < 0:
            raise BudgetExceeded(
                f"scope: more than the {fit.parameters.cell_budget:,} overrides of cell_budget; "
                "drop the dimension of most values, or merge its values"
            )
    return Overrides.join(*parts).ranked()


def _fold_subset(fit: Fit, subset: tuple[int, ...], brake: Brake) -> Overrides:
    """Return the overrides of one subset of dimensions."""
    sample, coding, scale = fit.sample, fit.coding, fit.noise.scale
    blocks = [block for block in fit.blocks if block.cells.columns[1:] == subset]
    # An override that inherits nothing needs trades of its own.
    fewest = 1 if any(block.block_class.owner is not Owner.OWN for block in blocks) else fit.parameters.n_min
    own = number_cells(sample.digits, coding.widths, (Owner.OWN, *subset), sample.units, fewest)
    group, *values = digits_of(own.key, coding.widths, own.columns)
    effects = _effects(fit, blocks, group, values)
    raw, raw_se, own_days = _own_evidence(fit, own, effects)
    effects.days[:, Owner.OWN] = own_days
    lasting, recent = (each.sum(axis=1) for each in (effects.lasting, effects.recent))
    of_lasting, of_recent = brake.shares(lasting, recent)
    parts = of_lasting[:, None] * effects.lasting + of_recent[:, None] * effects.recent
    b, sd = parts.sum(axis=1), np.sqrt(brake.variance(lasting, recent, effects.variance))
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
        parts=parts * scale,
        days=effects.days,
        left_out=effects.left_out * scale,
        recent=of_recent * recent * scale,
        believed=np.column_stack([lasting, recent]) * scale,
        lfsr=normal_cdf(-np.abs(b) / np.where(sd > 0, sd, 1.0)),
        mu0=fit.noise.mu0[category],
        noise=fit.noise.sd[pattern] * scale,
    )
    return folded.take(lasting + recent != 0)


def _scope(coding: Coding, cells: int, subset: tuple[int, ...], values: list[Ints]) -> Codes:
    """Return the scope codes `(cells, dims)`, given the digits of each dimension of the subset."""
    scope = np.full((cells, len(coding.values)), MISSING, dtype=np.int64)
    for column, digit in zip(subset, values, strict=True):
        scope[:, column - FIRST_DIMENSION] = coding.codes(column, digit)
    return scope


class _Effects(NamedTuple):
    """Effects of each cell in units of scale: lasting and recent parts by owner and the days behind them, all
    `(cells, 3)`, what was left out and the variance of the sum."""

    lasting: Floats
    recent: Floats
    days: Floats
    left_out: Floats
    variance: Floats


def _effects(fit: Fit, blocks: list[Block], group: Ints, values: list[Ints]) -> _Effects:
    """Sum the effects of all blocks on each cell, by owner."""
    left_out, variance = np.zeros((2, len(group)))
    lasting, recent = np.zeros((2, len(group), len(Owner)))
    days = np.full((len(group), len(Owner)), np.inf)
    for block in blocks:
        digits = [fit.coding.owner_digit(block.block_class.owner, group), *values]
        at = block.cells.find(key_of(digits, fit.coding.widths, block.cells.columns))
        of_owner = days[:, block.block_class.owner]  # a view
        np.minimum(of_owner, np.append(block.days, np.inf).take(at), out=of_owner)
        parts = recent if block.block_class.recent else lasting
        parts[:, block.block_class.owner] += np.append(block.b, 0.0).take(at)
        left_out += np.append(block.left_out, 0.0).take(at)
        variance += np.append(block.var, 0.0).take(at)
    return _Effects(lasting, recent, np.where(np.isfinite(days), days, 0.0), left_out, variance)


def _own_evidence(fit: Fit, own: EffectCells, effects: _Effects) -> tuple[Floats, Floats, Floats]:
    """Return the mean outcome of an override's own trades net of all other effects, its standard error and its days.

    The mean is weighted by precision. Residuals exclude the override's own effects, so those are added back; the recent
    effect is added for the trades of the window alone.
    """
    sample, precision = fit.sample, fit.sample.precision
    recent = np.where(np.arange(len(precision)) < sample.recent, precision, 0.0)
    total = own.sums(precision)
    left = own.sums(precision * fit.residual) / total
    lasting, shift = effects.lasting.sum(axis=1), effects.recent.sum(axis=1)
    variances, days = sample.variances(own, total, Owner.OWN)
    return left + lasting + shift * own.sums(recent) / total, np.sqrt(variances), days
