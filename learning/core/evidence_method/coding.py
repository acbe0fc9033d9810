"""Observed values coded as digits, so that a cell can be identified by one number.

Every row has one digit for each *column*: 0 ALL (always 1), 1 PATTERN, 2 OWN (its pattern and category), followed by
one column for each dimension. Digit 0 means none: a missing value, a value not seen by the fit, or a value too rare to
be part of a cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from learning.core.cells.rows import MISSING, Bools, Codes, Ints
from learning.core.evidence_method.observations import Observations


class Owner(IntEnum):
    """Whose trades a block splits: all trades, those of each pattern, or those of each pattern and category."""

    ALL = 0
    PATTERN = 1
    OWN = 2


FIRST_DIMENSION = len(Owner)  # the column of dimension 0


@dataclass(frozen=True, eq=False)
class Coding:
    """The meaning of the digits of a fit. Every vector is ascending, and digit k stands for its entry k - 1.

    patterns, categories   (patterns,), (categories,) the codes seen
    groups                 (groups,) the pairs seen, as pattern position * categories + category position
    values                 for each dimension, the codes that occur on at least as many rows as a cell needs
    """

    patterns: Ints
    categories: Ints
    groups: Ints
    values: tuple[Codes, ...]

    @classmethod
    def of(cls, observations: Observations, n_min: int) -> Coding:
        """Return the coding of observations; a dimension's value needs at least `n_min` rows."""
        patterns, pattern = np.unique(observations.pattern, return_inverse=True)
        categories, category = np.unique(observations.category, return_inverse=True)
        values = tuple(_frequent(column, n_min) for column in observations.scope.T)
        return cls(patterns, categories, np.unique(pattern * len(categories) + category), values)

    @property
    def group_pattern(self) -> Ints:
        """The position of the pattern of each group, shape `(groups,)`."""
        return self.groups // max(len(self.categories), 1)

    @property
    def group_category(self) -> Ints:
        """The position of the category of each group, shape `(groups,)`."""
        return self.groups % max(len(self.categories), 1)

    @property
    def widths(self) -> tuple[int, ...]:
        """The number of different digits of each column, including 0."""
        return tuple(1 + len(each) for each in (range(1), self.patterns, self.groups, *self.values))

    def owners(self) -> tuple[Owner, ...]:
        """Return the owners that split the trades differently; of two that do not, only the more specific one.

        >>> one_category = Coding(np.arange(3), np.arange(1), np.arange(3), ())
        >>> one_category.owners() == (Owner.ALL, Owner.OWN)  # a pattern has nothing to add to its only category
        True
        """
        pattern = (Owner.PATTERN,) if 1 < len(self.patterns) < len(self.groups) else ()
        return ((Owner.ALL,) if len(self.groups) > 1 else ()) + pattern + (Owner.OWN,)

    def digits(self, pattern: Ints, category: Ints, scope: Codes) -> Ints:
        """Return the digits `(columns, rows)` of rows, whether the fit has seen their values or not."""
        patterns, categories = _digit(self.patterns, pattern), _digit(self.categories, category)
        group = _digit(self.groups, (patterns - 1) * len(self.categories) + categories - 1)
        group[(patterns == 0) | (categories == 0)] = 0
        dims = [_digit(values, column) for values, column in zip(self.values, scope.T, strict=True)]
        return np.stack([np.ones_like(patterns), patterns, group, *dims]).astype(np.int32)

    def owner_digit(self, owner: Owner, group: Ints) -> Ints:
        """Return an owner's digits `(rows,)` for rows with these group digits, all above 0."""
        if owner is Owner.ALL:
            return np.ones_like(group)
        return group if owner is Owner.OWN else self.group_pattern[group - 1] + 1

    def codes(self, column: int, digit: Ints) -> Codes:
        """Return the codes `(rows,)` of a dimension's digits, all above 0."""
        codes: Codes = self.values[column - FIRST_DIMENSION][digit - 1]
        return codes


def _frequent(column: Codes, n_min: int) -> Codes:
    """Return the ascending codes of a dimension that occur on at least `n_min` rows."""
    values, rows = np.unique(column, return_counts=True)
    frequent: Codes = values[(values != MISSING) & (rows >= n_min)]
    return frequent


def _digit(known: Codes, code: Codes) -> Ints:
    """Return position + 1 of each code in an ascending vector; 0 for codes that are not in it."""
    if len(known) == 0:
        return np.zeros(len(code), dtype=np.int64)
    at = np.minimum(np.searchsorted(known, code), len(known) - 1)
    found: Bools = known[at] == code
    return np.where(found, at + 1, 0)


def varying(digits: Ints) -> tuple[int, ...]:
    """Return the dimension columns in which rows of `digits` `(columns, rows)` differ.

    A dimension that never varies would only repeat its owner.
    """
    return tuple(
        column
        for column in range(FIRST_DIMENSION, len(digits))
        if digits.shape[1] and (digits[column] != digits[column, 0]).any()
    )
