"""One closed trade that a line acted in: what the line promised of it, what came of it, and what the line earned.

A promise states the mean outcome of the trades that a line matches. Under the plan it is mu0 + predicted, where mu0 is
the mean of all trades; under evidence, `predicted` is what the line adds to mu0, the mean of its pattern, and to the
other lines that match. The residual is the outcome less all of that but the line's own part, so its mean is the line's
`predicted` if the promise comes true (docs/method.md 13.2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.vocabulary import LearningMethod

SALES = ("trim", "exit")  # judged by what they spared: a good outcome speaks for selling more


@dataclass(frozen=True, slots=True)
class Touched:
    """One closed trade and one line whose override acted in an answer that was served for it.

    day         UTC day of the close, as an ordinal
    attributed_at, trade    the revision: both grow as trades are attributed, late and corrected ones too
    decisions   answers of this trade in which the line acted
    sign        +1 if the line moves its levers the way a positive outcome speaks for, -1 if the other way; None if its
                levers disagree or are neutral
    rr          outcome by which the line's action is judged, in R; None without one
    earned      sum of the line's shares, in R per unit of size; None if no lever of it has an identified effect here
    moved       sum of |part| over its levers with an identified effect, in log units; None as `earned`
    predicted   what the promise says the line adds, in R; None without a promise
    sd          its standard deviation, in R; None if the promise lacks it
    residual    rr less mu0 and the predictions of the other lines, in R; None without a promise or an outcome
    s_p         standard deviation of the outcomes of the pattern, in R; None if the promise lacks it
    """

    line: str
    override: str
    trade: UUID
    external_id: str
    closed_at: datetime
    attributed_at: datetime
    decisions: int
    sign: int | None
    rr: float | None
    earned: float | None
    moved: float | None
    predicted: float | None
    sd: float | None
    residual: float | None
    s_p: float | None

    @property
    def day(self) -> int:
        """The UTC day of the close, as an ordinal."""
        return self.closed_at.toordinal()


def sign_of(levers: Mapping[str, float], category: str) -> int | None:
    """Return the side to which these lever targets move: +1 if a positive outcome of the category speaks for it.

    The levers with an identified effect decide, otherwise all. None if they disagree, or if none is moved. A positive
    outcome of an entry speaks for more exposure, that of a sale for less.

    >>> sign_of({"size_mult": 0.9, "entry_delay_bars": 1.0}, "entry"), sign_of({"size_mult": 1.1}, "trim")
    (-1, 1)
    >>> sign_of({"entry_aggression_mult": 1.1, "entry_delay_bars": 1.0}, "entry")
    """
    moved = {name: LEVERS[name].unit(target) for name, target in levers.items()}
    exposures = {
        name: (1 if unit > 0 else -1) * LEVERS[name].exposure(category) for name, unit in moved.items() if unit
    }
    deciding = {side for name, side in exposures.items() if category in LEVERS[name].scales_on} or {*exposures.values()}
    if len(deciding) != 1:
        return None
    [side] = deciding
    return -side if category in SALES else side


def prediction_of_others(own: str, acted: Mapping[str, tuple[str, Mapping[str, Any] | None]]) -> float:
    """Return what the other overrides of one answer add to the mean outcome, in R, as far as they promise anything.

    `acted` maps each override to its learning method and promise. The promises of the plan are differences from the
    mean of all trades, so they do not add up: beside an override of the plan the others add nothing.

    >>> acted = {"a": ("evidence", {"predicted": 0.2}), "b": ("evidence", {"predicted": 0.1}), "c": ("evidence", None)}
    >>> prediction_of_others("a", acted), prediction_of_others("a", {"a": ("plan", None), "b": acted["b"]})
    (0.1, 0.0)
    """
    if acted[own][0] != LearningMethod.EVIDENCE:
        return 0.0
    return math.fsum(
        (promise or {}).get("predicted", 0.0)
        for name, (method, promise) in acted.items()
        if name != own and method == LearningMethod.EVIDENCE
    )


def mean_or_none(values: Sequence[float | None]) -> float | None:
    """Return the mean of the values that are known; None without any.

    >>> mean_or_none([1.0, None, 2.0]), mean_or_none([None])
    (1.5, None)
    """
    known = [each for each in values if each is not None]
    return sum(known) / len(known) if known else None
