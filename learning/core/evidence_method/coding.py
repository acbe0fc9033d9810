"""The values of observations as digits, so that a cell is a number.

Every row has one digit for each *column*: 0 ALL (always 1), 1 PATTERN, 2 OWN (its pattern and category), then one for
each dimension. Digit 0 means none: a missing value, one never seen, or one too rare to be in any cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from learning.core.cells.rows import MISSING, Bools, Codes, Ints
from learning.core.evidence_method.observations import Observations


class Owner(IntEnum):
    """Whose trades a block splits: all of them, those of each pattern, those of each pattern and category."""

    ALL = 0
    PATTERN = 1
    OWN = 2


FIRST_DIMENSION = len(Owner)  # the column of dimension 0


@dataclass(frozen=True, eq=False)
class Coding:
    """What the digits of a fit stand for; every vector ascends, and digit k is its entry k - 1.

    patterns, categories   (patterns,), (categories,) the codes seen
    groups                 (groups,) the pairs seen, as pattern position * categories + category position
    values                 per dimension, the codes on at least as many rows as a cell needs
    """

    patterns: Ints
    categories: Ints
    groups: Ints
    values: tuple[Codes, ...]

    @classmethod
    def of(cls, observations: Observations, n_min: int) -> Coding:
        patterns, pattern = np.unique(observations.pattern, return_inverse=True)
        categories, category = np.unique(observations.category, return_inverse=True)
        values = tuple(_frequent(column, n_min) for column in observations.scope.T)
        return cls(patterns, categories, np.unique(pattern * len(categories) + category), values)

    @property
    def group_pattern(self) -> Ints:
        """(groups,) position of the pattern of each group."""
        return self.groups // max(len(self.categories), 1)

    @property
    def group_category(self) -> Ints:
        """(groups,) position of the category of each group."""
        return self.groups % max(len(self.categories), 1)

    @property
    def widths(self) -> tuple[int, ...]:
        """Per column, the digits there are, 0 included."""
        return tuple(1 + len(each) for each in (range(1), self.patterns, self.groups, *self.values))

    def owners(self) -> tuple[Owner, ...]:
        """The owners that split the trades differently; of two that do not, the more specific speaks for both.

        >>> one_category = Coding(np.arange(3), np.arange(1), np.arange(3), ())
        >>> one_category.owners() == (Owner.ALL, Owner.OWN)  # a pattern has nothing to add to its only category
        True
        """
        pattern = (Owner.PATTERN,) if 1 < len(self.patterns) < len(self.groups) else ()
        return ((Owner.ALL,) if len(self.groups) > 1 else ()) + pattern + (Owner.OWN,)

    def digits(self, pattern: Ints, category: Ints, scope: Codes) -> Ints:
        """(columns, rows): the digits of rows, seen by the fit or not."""
        patterns, categories = _digit(self.patterns, pattern), _digit(self.categories, category)
        group = _digit(self.groups, (patterns - 1) * len(self.categories) + categories - 1)
        group[(patterns == 0) | (categories == 0)] = 0
        dims = [_digit(values, column) for values, column in zip(self.values, scope.T, strict=True)]
        return np.stack([np.ones_like(patterns), patterns, group, *dims]).astype(np.int32)

    def owner_digit(self, owner: Owner, group: Ints) -> Ints:
        """The digits an owner has for the groups of these digits, all above 0."""
        if owner is Owner.ALL:
            return np.ones_like(group)
        return group if owner is Owner.OWN else self.group_pattern[group - 1] + 1

    def codes(self, column: int, digit: Ints) -> Codes:
        """The codes of a dimension's digits (all above 0)."""
        codes: Codes = self.values[column - FIRST_DIMENSION][digit - 1]
        return codes


def _frequent(column: Codes, n_min: int) -> Codes:
    values, rows = np.unique(column, return_counts=True)
    frequent: Codes = values[(values != MISSING) & (rows >= n_min)]
    return frequent


def _digit(known: Codes, code: Codes) -> Ints:
    """Position + 1 in an ascending vector, 0 for what is not in it."""
    if len(known) == 0:
        return np.zeros(len(code), dtype=np.int64)
    at = np.minimum(np.searchsorted(known, code), len(known) - 1)
    found: Bools = known[at] == code
    return np.where(found, at + 1, 0)


def varying(digits: Ints) -> tuple[int, ...]:
    """The dimensions' columns on which rows differ; one that never varies would only repeat its owner."""
    return tuple(
        column
        for column in range(FIRST_DIMENSION, len(digits))
        if digits.shape[1] and (digits[column] != digits[column, 0]).any()
    )
