"""The evidence of a weight on admin pages: its interval, effective days, walk-forward result and noise twins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from learning.core.coefficient_evidence import Fewest
from learning.core.coefficient_steps import next_weight
from learning.models import Coefficient
from telemetry.foundation.admin.formatting import MISSING, number
from telemetry.foundation.core.canonical_json import utc_text

EXPORTED = (
    "low", "high", "effective_days", "walk_gain", "walk_low", "walk_high", "walk_trades", "walk_days", "walk_folds",
    "twins_as_far", "twins", "measured_at",
)  # fmt: skip


def interval(row: Coefficient) -> SafeString:
    """Format the 95 % interval of a weight; a dash where one day is all there is."""
    if row.low is None:
        return MISSING
    return format_html("{} to {}", number(row.low, 2), number(row.high, 2))


def gain(row: Coefficient) -> SafeString:
    """Format what a weight gained in the walk-forward, with its interval; a dash if it was in force in no fold."""
    walk = walk_of(row)
    if walk is None:
        return MISSING
    total = number(walk["gain"], 1, signed=True, unit="R")
    if walk["low"] is None:
        return total
    low, high = (number(walk[end], 1, signed=True) for end in ("low", "high"))
    return format_html('{}<div class="cw-quiet cw-small">{} to {}</div>', total, low, high)


@dataclass(frozen=True)
class Proposal:
    """What the next request would do with a weight, as of its last measurement.

    in_force, proposed   the weight in force and the next one; equal where nothing is proposed
    is_enough            whether the fresh weight rests on enough trades and effective days
    """

    in_force: float
    proposed: float
    is_enough: bool
    fewest: Fewest

    @classmethod
    def of(cls, row: Coefficient, in_force: float, fewest: Fewest) -> Proposal:
        """Return the proposal for the weight of a row."""
        is_enough = row.n >= fewest.trades and (row.effective_days or 0.0) >= fewest.days
        return cls(in_force, next_weight(in_force, row.weight, is_enough=is_enough), is_enough, fewest)

    @property
    def sentence(self) -> str:
        """The proposal and its reason in one sentence."""
        needed = f"{self.fewest.trades} trades of its own and {self.fewest.days:g} effective days"
        if self.proposed != self.in_force:
            back = "" if self.is_enough else f", because a weight takes {needed}"
            return f"The next request would propose {self.proposed:.3f} instead of {self.in_force:.3f}{back}."
        if not self.is_enough:
            return f"Nothing is proposed: a weight takes {needed}."
        near = (
            "within half a step (1 %) of 1" if self.in_force == 1.0 else "less than a step (2 %) from the one in force"
        )
        return f"Nothing is proposed: the new weight is {near}."

    def cell(self) -> SafeString:
        """Format the proposal for a list: the weight to propose, or why there is none in a few words."""
        if self.proposed != self.in_force:
            return number(self.proposed, 3)
        words = "no change" if self.is_enough else "too few"
        return format_html('<span class="cw-quiet">{}</span>', words)


def walk_of(row: Coefficient) -> Mapping[str, Any] | None:
    """Return the walk-forward result of a weight; None if it has none."""
    walk: Mapping[str, Any] | None = (row.evidence or {}).get("walk") if row.key else None
    return walk


def twins_of(row: Coefficient) -> Mapping[str, int] | None:
    """Return in how many noise twins a weight is at least as far from 1; None if it was not compared."""
    twins: Mapping[str, int] | None = (row.evidence or {}).get("twins") if row.key else None
    return twins


def exported_evidence(row: Coefficient) -> dict[str, Any]:
    """Return the evidence of a weight as the columns of a table; empty where it is not known."""
    walk, twins = walk_of(row) or {}, twins_of(row) or {}
    return {
        "low": row.low,
        "high": row.high,
        "effective_days": row.effective_days,
        "walk_gain": walk.get("gain"),
        "walk_low": walk.get("low"),
        "walk_high": walk.get("high"),
        "walk_trades": walk.get("n"),
        "walk_days": walk.get("days"),
        "walk_folds": walk.get("folds"),
        "twins_as_far": twins.get("as_far"),
        "twins": twins.get("of"),
        "measured_at": None if row.measured_at is None else utc_text(row.measured_at),
    }
