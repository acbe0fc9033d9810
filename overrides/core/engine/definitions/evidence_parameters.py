"""Parameters of the evidence method: versioned data, validated on construction; the defaults were measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from .field_error import FieldError
from .json_fields import LARGEST, SMALLEST, finite, whole
from .parameters import Document

SUBSET_SIZES = 3  # subsets of 0, 1 and 2 dimensions


def _constant(default: Any, low: float, high: float, words: str) -> Any:
    """Return a dataclass field with its meaning and the range that it (or each of its numbers) must lie in."""
    return field(default=default, metadata={"low": low, "high": high, "words": words})


def _switch(default: bool, words: str) -> Any:
    return field(default=default, metadata={"words": words})


@dataclass(frozen=True)
class EvidenceParameters(Document):
    """How policy evidence learns (statistics section 3); lists by number of dimensions hold 0, 1 and 2.

    Building it raises FieldError for a constant outside its limits.
    """

    half_life_days: float = _constant(360.0, SMALLEST, LARGEST, "a trade this old weighs half, in days")
    recent_days: float = _constant(60.0, SMALLEST, LARGEST, "length of the window that may have shifted, in days")
    n_min: int = _constant(
        20, 2, 10**6, "fewest trades of a cell that gets an effect, and of its own of a verified override"
    )
    winsor_sds: float = _constant(
        3.0, SMALLEST, LARGEST, "outcomes are clipped this many noise sds from their pattern's mean"
    )
    same_day: bool = _switch(
        True, "whether trades that close within 24 hours may move together; otherwise each is independent evidence"
    )
    noise_prior: float = _constant(
        10.0, SMALLEST, LARGEST, "the common noise counts as this many trades of every pattern"
    )
    grid: tuple[float, ...] = _constant(
        (0.0, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8), 0, 10,
        "sds of the prior's normals, in sds of the outcome, rising; the first is 0, no effect",
    )  # fmt: skip
    null_mass: tuple[float, ...] = _constant(
        (0.3, 0.7, 0.95), 0, 1, "prior mass of no effect at the start, by dimensions"
    )
    null_counts: tuple[float, ...] = _constant(
        (1.0, 5.0, 10.0), 0, 1e6, "effects of 0 added to every count of no effect, by dimensions"
    )
    recent_factor: float = _constant(
        0.3, 0, 1, "of the prior mass that is not on no effect, the part that a recent shift keeps"
    )
    sweeps: int = _constant(4, 1, 1000, "sweeps of the coordinate ascent")
    kappa: float = _constant(1.0, SMALLEST, 2, "log of the multiplier per R of edge: the risk dial")
    verified_lfsr: float = _constant(
        0.05, 0, 0.5, "a verified override has the wrong sign with at most this probability (local false sign rate)"
    )
    likely_lfsr: float = _constant(0.10, 0, 0.5, "the same of one shown as likely")
    cap_unverified: bool = _switch(True, "whether an override that is not verified is held within unverified_cap")
    unverified_cap: float = _constant(0.02, 0, 1, "its farthest multiplier, less 1")
    least_move: float = _constant(
        0.002, 0, 1, "an override whose multiplier is nearer to 1 than this is too light to act: nobody can judge it"
    )
    max_overrides: int = _constant(500, 1, 10**6, "most overrides proposed, those of the largest n times edge squared")
    max_subset_size: int = _constant(2, 0, SUBSET_SIZES - 1, "most dimensions of an override")
    cell_budget: int = _constant(1_000_000, 1, 10**8, "most cells fitted, and most overrides they may fold into")
    index_budget: int = _constant(
        400_000_000, 1, 10**10, "most entries (rows times blocks) held by a fit, 2 to 8 bytes each"
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            self._set(each.name, _read(each.name, getattr(self, each.name), each.default, each.metadata))
        if self.likely_lfsr < self.verified_lfsr:
            raise FieldError("likely_lfsr", "must be at least verified_lfsr")
        rises = all(low < high for low, high in zip(self.grid, self.grid[1:], strict=False))
        if len(self.grid) < 2 or self.grid[0] != 0 or not rises:
            raise FieldError("grid", "must rise from 0, no effect, over at least one sd above it")
        for name in ("null_mass", "null_counts"):
            if len(getattr(self, name)) != SUBSET_SIZES:
                raise FieldError(name, f"must be a list of {SUBSET_SIZES} numbers")


def _read(name: str, value: object, default: object, limits: Mapping[str, Any]) -> object:
    """Return a value as the type of its default, after a check of its range. Raises FieldError."""
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise FieldError(name, "must be true or false")
        return value
    low, high = limits["low"], limits["high"]
    if isinstance(default, tuple):
        if not isinstance(value, list | tuple):
            raise FieldError(name, "must be a list of numbers")
        return tuple(finite(each, name, low, high) for each in value)
    return whole(value, name, low, high) if isinstance(default, int) else finite(value, name, low, high)


def _words(words: str, limits: Mapping[str, Any]) -> str:
    if "low" not in limits:
        return words
    low, high = limits["low"], limits["high"]
    if high == LARGEST:
        return f"{words}; above 0"
    return f"{words}; {'above 0, at most' if low == SMALLEST else f'{low:g} to'} {high:,g}"


# Parameter -> its meaning and range, for forms.
EVIDENCE_WORDS: Mapping[str, str] = MappingProxyType(
    {each.name: _words(each.metadata["words"], each.metadata) for each in fields(EvidenceParameters)}
)
