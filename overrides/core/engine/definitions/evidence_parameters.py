"""Parameters of the evidence method: versioned data, validated on construction; the defaults were measured."""

from __future__ import annotations

from dataclasses import dataclass

from .constants import Document, constant, switch
from .field_error import FieldError
from .json_fields import LARGEST, SMALLEST

SUBSET_SIZES = 3  # subsets of 0, 1 and 2 dimensions


@dataclass(frozen=True)
class EvidenceParameters(Document):
    """How the evidence method learns (docs/method.md 5); lists by number of dimensions hold 0, 1 and 2.

    Raises FieldError.
    """

    half_life_days: float = constant(360.0, SMALLEST, LARGEST, "a trade this old weighs half, in days")
    recent_days: float = constant(60.0, SMALLEST, LARGEST, "length of the window that may have shifted, in days")
    n_min: int = constant(
        20, 2, 10**6, "fewest trades of a cell that gets an effect, and of its own of a verified override"
    )
    winsor_sds: float = constant(
        3.0, SMALLEST, LARGEST, "outcomes are clipped this many noise sds from their pattern's mean"
    )
    same_day: bool = switch(
        True, "whether trades that close within 24 hours may move together; otherwise each is independent evidence"
    )
    noise_prior: float = constant(
        10.0, SMALLEST, LARGEST, "the common noise counts as this many trades of every pattern"
    )
    grid: tuple[float, ...] = constant(
        (0.0, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8), 0, 10,
        "sds of the prior's normals, in sds of the outcome, rising; the first is 0, no effect",
    )  # fmt: skip
    null_mass: tuple[float, ...] = constant(
        (0.3, 0.7, 0.95), 0, 1, "prior mass of no effect at the start, by dimensions"
    )
    null_counts: tuple[float, ...] = constant(
        (1.0, 5.0, 10.0), 0, 1e6, "effects of 0 added to every count of no effect, by dimensions"
    )
    recent_factor: float = constant(
        0.3, 0, 1, "of the prior mass that is not on no effect, the part that a recent shift keeps"
    )
    sweeps: int = constant(4, 1, 1000, "sweeps of the coordinate ascent")
    kappa: float = constant(1.0, SMALLEST, 2, "log of the multiplier per R of edge: the risk dial")
    verified_lfsr: float = constant(
        0.05, 0, 0.5, "a verified override has the wrong sign with at most this probability (local false sign rate)"
    )
    likely_lfsr: float = constant(0.10, 0, 0.5, "the same of one shown as likely")
    cap_unverified: bool = switch(True, "whether an override that is not verified is held within unverified_cap")
    unverified_cap: float = constant(0.02, 0, 1, "its farthest multiplier, less 1")
    least_move: float = constant(
        0.002, 0, 1, "an override whose multiplier is nearer to 1 than this is too light to act: nobody can judge it"
    )
    max_overrides: int = constant(500, 1, 10**6, "most overrides proposed, those of the largest n times edge squared")
    max_subset_size: int = constant(2, 0, SUBSET_SIZES - 1, "most dimensions of an override")
    cell_budget: int = constant(1_000_000, 1, 10**8, "most cells fitted, and most overrides they may fold into")
    index_budget: int = constant(
        400_000_000, 1, 10**10, "most entries (rows times blocks) held by a fit, 2 to 8 bytes each"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.likely_lfsr < self.verified_lfsr:
            raise FieldError("likely_lfsr", "must be at least verified_lfsr")
        rises = all(low < high for low, high in zip(self.grid, self.grid[1:], strict=False))
        if len(self.grid) < 2 or self.grid[0] != 0 or not rises:
            raise FieldError("grid", "must rise from 0, no effect, over at least one sd above it")
        for name in ("null_mass", "null_counts"):
            if len(getattr(self, name)) != SUBSET_SIZES:
                raise FieldError(name, f"must be a list of {SUBSET_SIZES} numbers")
