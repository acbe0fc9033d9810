"""The fit of all effects together: coordinate ascent over blocks, from simple to complex.

    outcome_i = mu0[category_i] + sum over blocks of beta_block[cell of i] + noise_i,    noise_i ~ N(0, s_p^2 / w_i)

A step replaces the posterior of one block's effects, given the posterior means of all other effects. A sweep is one
step for every block; after each class of blocks the weights of its prior are set to what its posteriors imply. If
trades are independent, no step lowers the evidence bound. If those of a day and of days near it are dependent, cells
keep their means but have a larger variance (`day_dependence`), which makes every step smaller.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from learning.core.cells.effect_cells import EffectCells, UnitCounts
from learning.core.cells.rows import Codes, Floats, Ints
from learning.core.evidence_method.blocks import BlockClass, Lattice
from learning.core.evidence_method.coding import Coding, Owner
from learning.core.evidence_method.mixture import local_false_sign_rates, posterior, responsibilities
from learning.core.evidence_method.noise import Noise, winsorise
from learning.core.evidence_method.observations import Observations, age_weights, open_weights, shares
from learning.core.significance.day_dependence import DecisionDays
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters


@dataclass(eq=False)
class Block:
    """The effects of one block. Vectors are `(cells,)`, in units of the fit's scale.

    precision  total precision of a cell's trades if they were independent
    m, v       unshrunk estimate of the cell's effect given all other effects, and its variance
    b, var     posterior mean and variance
    phi        (cells, k) responsibilities of the prior's normal components
    days       effective number of decision days behind the cell
    left_out   posterior mean of an effect that rests on too few days; its b is 0, its variance stays
    """

    block_class: BlockClass
    cells: EffectCells
    precision: Floats
    v: Floats
    m: Floats
    b: Floats
    var: Floats
    phi: Floats
    days: Floats
    left_out: Floats

    @property
    def rows(self) -> int:
        """The number of rows that the block covers."""
        return len(self.cells.cell)


@dataclass(frozen=True, eq=False)
class Sample:
    """The rows of a fit: the rows of the recent window first, each part in an order that depends on content alone.

    digits       (columns, rows)
    weight       (rows,) share of the unit times age weight
    precision    (rows,) weight divided by the noise variance of the pattern, per squared unit of scale
    recent       number of rows in the window
    days         the days of the decisions, whole days before `as_of`
    """

    digits: Ints
    weight: Floats
    precision: Floats
    units: UnitCounts
    recent: int
    days: DecisionDays

    def variances(self, cells: EffectCells, precision: Floats, owner: Owner) -> tuple[Floats, Floats]:
        """Return the variance of the mean of an owner's cells with this precision, and their days, both `(cells,)`.

        The variance accounts for the dependence of trades that are decided on one day or on days near each other.
        """
        base = self.days.of_all if owner is Owner.ALL else self.days.of_patterns
        effect, days = self.days.spread(cells, base)
        return effect / precision, days


@dataclass(frozen=True, eq=False)
class Fit:
    """The result of a fit. Effects and residuals are in units of `noise.scale` (R).

    order     (rows,) the observation that each row stands for
    residual  (rows,) outcome minus everything fitted
    pi        prior weights of each class of blocks
    """

    parameters: EvidenceParameters
    dimensions: tuple[str, ...]
    coding: Coding
    noise: Noise
    sample: Sample
    order: Ints
    blocks: tuple[Block, ...]
    pi: dict[BlockClass, Floats]
    residual: Floats

    @property
    def cells(self) -> int:
        """The number of cells in all blocks."""
        return sum(len(block.cells) for block in self.blocks)

    def lfsr(self, block: Block) -> Floats:
        """Return the local false sign rate `(cells,)` of each effect of a block, 0 to 1."""
        return local_false_sign_rates(block.phi, block.m, block.v, np.square(self.parameters.grid))


def fit(observations: Observations, as_of: float, parameters: EvidenceParameters) -> Fit:
    """Fit the observations (at least one row) as they were known at `as_of`, in days from the same origin.

    Raises ValueError if there are no observations or some became known after `as_of`, and BudgetExceeded, whose message
    says what to drop, if the lattice is too large.
    """
    order, recent = _sorted(observations, as_of, parameters.recent_days)
    observations = observations.take(order)
    coding = Coding.of(observations, parameters.n_min)
    digits = coding.digits(observations.pattern, observations.category, observations.scope)
    pattern, category = digits[Owner.PATTERN] - 1, coding.group_category[digits[Owner.OWN] - 1]
    share = shares(observations)
    weight = share * age_weights(observations.day, as_of, parameters.half_life_days)
    weight *= open_weights(observations.day, observations.known, as_of, parameters.recent_days)
    noise = winsorise(observations.outcome, weight, pattern, category, parameters)
    sd, units = noise.sd[pattern], UnitCounts(observations.cluster)
    day = np.floor(as_of - observations.day).astype(np.int64)
    days = DecisionDays(day, units.number, share, weight, noise.outcome / sd, pattern, parameters.same_day)
    sample = Sample(digits, weight, weight / sd**2, units, recent, days)
    numbered = Lattice(digits, coding, units, recent, parameters).blocks(observations.dimensions)
    ascent = _Ascent(sample, noise.outcome, numbered, parameters)
    for _ in range(parameters.sweeps):
        ascent.sweep()
    ascent.leave_out(parameters.effective_days)
    blocks = tuple(block for blocks in ascent.blocks.values() for block in blocks)
    residual = ascent.pull / sample.precision
    return Fit(parameters, observations.dimensions, coding, noise, sample, order, blocks, ascent.pi, residual)


def _sorted(observations: Observations, as_of: float, recent_days: float) -> tuple[Ints, int]:
    """Return an order that depends only on the observations' content, and how many rows, placed first, are recent."""
    if not len(observations):
        raise ValueError("outcome: no observations; there is nothing to learn from")
    late = np.count_nonzero(observations.known > as_of)
    if late:
        raise ValueError(f"known: {late} observations close after as_of; leave them out or learn as of a later day")
    old = observations.day < as_of - recent_days
    codes = (*observations.scope.T, observations.category, observations.pattern)
    keys = (shares(observations), observations.outcome, *map(_narrow, codes), observations.day, old)
    return np.lexsort(keys), int(np.count_nonzero(~old))


def _narrow(codes: Codes) -> Codes:
    """Return the codes as 16-bit integers if they fit, because numpy sorts those by radix."""
    return codes.astype(np.int16) if codes.max() <= np.iinfo(np.int16).max else codes


class _Ascent:
    """The state of the coordinate ascent. `pull` is precision times residual, all that a step needs of the rows."""

    def __init__(
        self,
        sample: Sample,
        outcome: Floats,
        numbered: dict[BlockClass, list[EffectCells]],
        parameters: EvidenceParameters,
    ) -> None:
        self.precision, self.pull = sample.precision, sample.precision * outcome
        self.variances, self.null_counts = np.square(parameters.grid), parameters.null_counts
        self.blocks = {
            block_class: [self._start(block_class, cells, sample) for cells in each]
            for block_class, each in numbered.items()
        }
        self.pi = {block_class: _start_weights(block_class, parameters) for block_class in numbered}

    def _start(self, block_class: BlockClass, cells: EffectCells, sample: Sample) -> Block:
        """Return a block at the start of the ascent, with all effects 0."""
        precision = cells.sums(sample.precision[: len(cells.cell)])
        m, b, var, left_out = np.zeros((4, len(cells)))
        phi = np.zeros((len(cells), len(self.variances)))
        v, days = sample.variances(cells, precision, block_class.owner)
        return Block(block_class, cells, precision, v, m, b, var, phi, days, left_out)

    def sweep(self) -> None:
        """Update every block once, and the prior weights after each class."""
        for block_class, blocks in self.blocks.items():
            for block in blocks:
                self._step(block, self.pi[block_class])
            if blocks:
                counts = np.sum([block.phi.sum(axis=0) for block in blocks], axis=0)
                counts[0] += self.null_counts[block_class.size]
                self.pi[block_class] = counts / counts.sum()

    def _step(self, block: Block, pi: Floats) -> None:
        """Replace the posterior of one block and update the residuals of its rows."""
        pull = self.pull[: block.rows]  # a view; the recent rows come first
        block.m = block.b + block.cells.sums(pull) / block.precision
        block.phi = responsibilities(block.m, block.v, pi, self.variances)
        before = block.b
        block.b, block.var = posterior(block.phi, block.m, block.v, self.variances)
        self._fit_to(block, block.b - before)

    def leave_out(self, fewest: float) -> None:
        """Set effects that rest on fewer effective days to 0; their rows' residuals get them back.

        The normal distribution that a posterior assumes does not hold for a mean over a few days (Cameron, Gelbach and
        Miller, REStat 2008). During the ascent these effects are fitted, so that no other one takes them up.
        """
        for block in (each for blocks in self.blocks.values() for each in blocks):
            block.left_out = np.where(block.days < fewest, block.b, 0.0)
            block.b = block.b - block.left_out
            self._fit_to(block, -block.left_out)

    def _fit_to(self, block: Block, change: Floats) -> None:
        """Update the residuals of a block's rows after a change `(cells,)` of its effects."""
        of_rows = np.append(change, 0.0).take(block.cells.cell)  # rows in no cell keep their residual
        self.pull[: block.rows] -= self.precision[: block.rows] * of_rows


def _start_weights(block_class: BlockClass, parameters: EvidenceParameters) -> Floats:
    """Return the initial prior weights: the mass of the null, and equal parts of the rest."""
    null, others = block_class.null_mass(parameters), len(parameters.grid) - 1
    return np.array([null] + [(1 - null) / others] * others)
