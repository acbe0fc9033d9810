"""The contributions and exclusions of several sections as one list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .taken import (
    NO_CONTRIBUTIONS,
    NO_EXCLUSIONS,
    Brief,
    Contribution,
    ContributionColumns,
    Contributions,
    Excluded,
    ExclusionColumns,
    Exclusions,
    Hashes,
)
from .weights import Column

A = TypeVar("A", Column, NDArray[np.bool_])


def joined_contributions(lists: Sequence[Contributions]) -> Contributions:
    """Return the contributions of several sections, one after the other; no lever occurs in two sections."""
    filled = [each for each in lists if each]
    if len(filled) < 2:
        return filled[0] if filled else NO_CONTRIBUTIONS
    return Contributions(sum(map(len, filled)), partial(JoinedContributions, filled))


def joined_exclusions(lists: Sequence[Exclusions]) -> Exclusions:
    """Return the exclusions of several sections, by id."""
    filled = [each for each in lists if each]
    if len(filled) < 2:
        return filled[0] if filled else NO_EXCLUSIONS
    return Exclusions(sum(map(len, filled)), partial(_JoinedExclusions, filled))


class JoinedContributions:
    """The contributions of `lists`, one after the other."""

    def __init__(self, lists: Sequence[Contributions]) -> None:
        self.lists = lists

    def items(self) -> Sequence[Contribution]:
        return [each for found in self.lists for each in found]

    def brief(self) -> Sequence[Brief]:
        return [each for found in self.lists for each in found.brief]

    def columns(self) -> ContributionColumns:
        each = [found.columns for found in self.lists]
        levers = tuple(name for one in each for name in one.levers)
        has = [np.ones(one.parts.shape, np.bool_) if one.has is None else one.has for one in each]
        ramping = [np.zeros(one.parts.shape, np.bool_) if one.ramping is None else one.ramping for one in each]
        weights = [None if one.weights is None else one.weights[:, None] for one in each]
        joined_weights = _stacked(weights, [len(one.parts) for one in each])
        rows = sum(map(len, self.lists))
        acts = [_acting(one) for one in each]
        return ContributionColumns(
            _hashes([one.ids for one in each]),
            _hashes([one.lines for one in each]),
            levers,
            _diagonal([one.parts for one in each], np.zeros((rows, len(levers)))),
            _diagonal([one.targets for one in each], np.zeros((rows, len(levers)))),
            _diagonal(has, np.zeros((rows, len(levers)), np.bool_)),
            None if joined_weights is None else joined_weights[:, 0],
            _stacked([one.factors for one in each], [len(one.parts) for one in each]),
            None
            if all(one.ramping is None for one in each)
            else _diagonal(ramping, np.zeros((rows, len(levers)), np.bool_)),
            None if all(one.acts is None for one in each) else _diagonal(acts, np.zeros((rows, len(levers)), np.bool_)),
        )


class _JoinedExclusions:
    def __init__(self, lists: Sequence[Exclusions]) -> None:
        self._lists = lists

    def _order(self) -> list[int]:
        ids = [each.id for found in self._lists for each in found]
        return sorted(range(len(ids)), key=ids.__getitem__)

    def items(self) -> Sequence[Excluded]:
        joined = [each for found in self._lists for each in found]
        return [joined[place] for place in self._order()]

    def columns(self) -> ExclusionColumns:
        each, order = [found.columns for found in self._lists], self._order()
        ids, lines = _hashes([one.ids for one in each]), _hashes([one.lines for one in each])
        reasons = [reason for one in each for reason in one.reasons]
        weights = _stacked(
            [None if one.weights is None else one.weights[:, None] for one in each], [len(one.reasons) for one in each]
        )
        return ExclusionColumns(
            None if ids is None else ids[order],
            None if lines is None else lines[order],
            tuple(reasons[place] for place in order),
            None if weights is None else weights[order, 0],
        )


def _diagonal(blocks: Iterable[A], whole: A) -> A:
    """Write blocks into `whole`, each below and to the right of the one before."""
    row = column = 0
    for block in blocks:
        rows, columns = block.shape
        whole[row : row + rows, column : column + columns] = block
        row, column = row + rows, column + columns
    return whole


def _stacked(blocks: Sequence[Column | None], rows: Sequence[int]) -> Column | None:
    """Return blocks of equal width below each other, NaN where one is missing; None if all are."""
    width = max((block.shape[1] for block in blocks if block is not None), default=0)
    if width == 0:
        return None
    missing = [np.full((count, width), np.nan) for count in rows]
    return np.concatenate([empty if block is None else block for block, empty in zip(blocks, missing, strict=True)])


def _hashes(blocks: Sequence[Hashes | None]) -> Hashes | None:
    known = [block for block in blocks if block is not None]
    return np.concatenate(known) if len(known) == len(blocks) else None


def _acting(found: ContributionColumns) -> NDArray[np.bool_]:
    if found.acts is not None:
        return found.acts
    return np.ones(found.parts.shape, np.bool_) if found.has is None else found.has
