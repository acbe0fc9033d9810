"""The lattice of a fit: which blocks it has, the order in which they are fitted, and the limits of its size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from learning.core.cells.effect_cells import EffectCells, UnitCounts, number_cells
from learning.core.cells.rows import Ints
from learning.core.evidence_method.coding import FIRST_DIMENSION, Coding, Owner, varying
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters

NAMED = 3  # largest number of dimensions named in an error message


class BudgetExceeded(ValueError):
    """Raised when a fit would hold more cells or index entries than its parameters allow."""


@dataclass(frozen=True)
class BlockClass:
    """Blocks that share a prior: those with the same number of dimensions, owner, and window (all or recent days)."""

    size: int
    owner: Owner
    recent: bool

    def null_mass(self, parameters: EvidenceParameters) -> float:
        """Return the initial prior probability of no effect, 0 to 1.

        >>> BlockClass(1, Owner.OWN, True).null_mass(EvidenceParameters())
        0.91
        """
        null = parameters.null_mass[self.size]
        return 1 - parameters.recent_factor * (1 - null) if self.recent else null


def block_classes(coding: Coding, size: int, recent: bool) -> list[BlockClass]:
    """Return the classes in the order in which they are fitted.

    Simple classes come before complex ones, shared before own, all days before recent days. `size` is the largest
    number of dimensions of a cell; `recent` says whether some days are recent and others are not. Blocks of two
    dimensions exist only for the owner OWN and over all days. The empty subset of all trades has no block, because it
    is the mean itself.
    """
    classes = []
    for dims in range(size + 1):
        for owner in coding.owners():
            if (dims == 0 and len(coding.groups) == 1) or (dims == 0 and owner is Owner.ALL):
                continue
            if dims == 2 and owner is not Owner.OWN:
                continue
            windows = (False, True) if recent and dims < 2 else (False,)
            classes += [BlockClass(dims, owner, window) for window in windows]
    return classes


class Lattice:
    """Numbers the cells of all blocks of a fit. Raises BudgetExceeded before it holds too many.

    `digits` is `(columns, rows)` and begins with the `recent` rows of the window of recent days.
    """

    def __init__(
        self, digits: Ints, coding: Coding, units: UnitCounts, recent: int, parameters: EvidenceParameters
    ) -> None:
        self.digits, self.coding, self.units, self.recent, self.parameters = digits, coding, units, recent, parameters
        self.columns = varying(digits)
        self.cells = 0
        self.of_dimension: Counter[int] = Counter()

    def blocks(self, names: Sequence[str]) -> dict[BlockClass, list[EffectCells]]:
        """Return the non-empty blocks of each class, in fitting order. `names` are the dimension names, for messages.

        Raises BudgetExceeded beyond `cell_budget` cells or `index_budget` entries.
        """
        size = min(self.parameters.max_subset_size, len(self.columns))
        rows = self.digits.shape[1]
        subsets = {
            each: list(combinations(self.columns, each.size))
            for each in block_classes(self.coding, size, 0 < self.recent < rows)
        }
        entries = sum(
            len(each) * (self.recent if block_class.recent else rows) for block_class, each in subsets.items()
        )
        if entries > self.parameters.index_budget:
            raise BudgetExceeded(self._too_many_entries(entries, names))
        return {
            block_class: [block for subset in each if len(block := self._block(block_class, subset, names))]
            for block_class, each in subsets.items()
        }

    def _block(self, block_class: BlockClass, subset: tuple[int, ...], names: Sequence[str]) -> EffectCells:
        """Number the cells of one subset of columns. Raises BudgetExceeded if all blocks so far hold too many."""
        digits = self.digits[:, : self.recent] if block_class.recent else self.digits
        block = number_cells(
            digits, self.coding.widths, (block_class.owner, *subset), self.units, self.parameters.n_min
        )
        self.cells += len(block)
        self.of_dimension.update(dict.fromkeys(subset, len(block)))
        if self.cells > self.parameters.cell_budget:
            raise BudgetExceeded(self._too_many_cells(names))
        return block

    def _too_many_cells(self, names: Sequence[str]) -> str:
        return (
            f"scope: more than the {self.parameters.cell_budget:,} cells of cell_budget; most are of "
            f"{self._largest(names)}: drop one of them, merge its values, raise n_min or set max_subset_size to 1"
        )

    def _too_many_entries(self, entries: int, names: Sequence[str]) -> str:
        return (
            f"scope: {self.digits.shape[1]:,} rows in blocks of {len(self.columns)} dimensions make {entries:,} "
            f"entries, more than the {self.parameters.index_budget:,} of index_budget; the largest dimensions are "
            f"{self._largest(names)}: drop some, set max_subset_size to 1 or learn from fewer days"
        )

    def _largest(self, names: Sequence[str]) -> str:
        """Return the names of the largest dimensions with their numbers of values, for an error message."""

        def by_size(column: int) -> tuple[int, int]:
            return self.of_dimension[column], self.coding.widths[column]

        largest = sorted(self.columns, key=by_size, reverse=True)[:NAMED]
        return ", ".join(f"{names[at - FIRST_DIMENSION]} ({self.coding.widths[at] - 1:,} values)" for at in largest)
