"""The constants of policy evidence: versioned data, validated when built, defaults as measured."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from overrides.core.reading import closed_mapping, finite, positive, whole

SUBSET_SIZES = 3  # of 0, 1 and 2 dimensions


@dataclass(frozen=True)
class EvidenceParameters:
    """How policy evidence learns (statistics section 3; lists by number of dimensions hold 0, 1 and 2).

    half_life_days    a trade this old weighs half
    recent_days       length of the window that may have shifted
    n_min             fewest trades of a cell with a parameter, and of its own of a verified override
    winsor_sds        outcomes are clipped this many noise sds from their pattern's mean
    same_day          whether trades closing within 24 hours may move together; otherwise each is independent evidence
    noise_prior       the common noise counts as this many trades of every pattern
    grid              sds of the prior's normals, in sds of the outcome; the first is 0, the null
    null_mass         prior mass of the null at the start, by dimensions
    null_counts       effects of 0 added to every count of the null, by dimensions
    recent_factor     what is left of the mass off the null for a recent shift
    sweeps            of the coordinate ascent
    kappa             log lever per R of edge: the risk dial
    verified_lfsr     largest local false sign rate of a verified override
    likely_lfsr       the same of one shown as likely
    cap_unverified    whether an unverified override is held within unverified_cap
    unverified_cap    its farthest multiplier, less 1
    max_overrides     most overrides materialised, by n b^2
    max_subset_size   most dimensions of a cell
    cell_budget       most cells fitted, and most overrides folded
    index_budget      most (row, block) entries held: 2 to 8 bytes each
    """

    half_life_days: float = 360.0
    recent_days: float = 60.0
    n_min: int = 20
    winsor_sds: float = 3.0
    same_day: bool = True
    noise_prior: float = 10.0
    grid: tuple[float, ...] = (0.0, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8)
    null_mass: tuple[float, ...] = (0.3, 0.7, 0.95)
    null_counts: tuple[float, ...] = (1.0, 5.0, 10.0)
    recent_factor: float = 0.3
    sweeps: int = 4
    kappa: float = 1.0
    verified_lfsr: float = 0.05
    likely_lfsr: float = 0.10
    cap_unverified: bool = True
    unverified_cap: float = 0.02
    max_overrides: int = 500
    max_subset_size: int = 2
    cell_budget: int = 1_000_000
    index_budget: int = 400_000_000

    @classmethod
    def from_document(cls, document: object) -> Self:
        """Unknown names are refused, absent ones take their default."""
        return cls(**closed_mapping(document, "parameters", {each.name for each in fields(cls)}))

    def to_document(self) -> dict[str, Any]:
        return dict(json.loads(json.dumps(asdict(self))))  # tuples become lists

    def __post_init__(self) -> None:
        for name in ("half_life_days", "recent_days", "winsor_sds", "noise_prior"):
            self._set(name, positive(getattr(self, name), name))
        for name in ("recent_factor", "unverified_cap"):
            self._set(name, finite(getattr(self, name), name, 0, 1))
        for name in ("verified_lfsr", "likely_lfsr"):
            self._set(name, finite(getattr(self, name), name, 0, 0.5))
        if self.likely_lfsr < self.verified_lfsr:
            raise ValueError("likely_lfsr: must be at least verified_lfsr")
        for name, low, high in _WHOLE:
            self._set(name, whole(getattr(self, name), name, low, high))
        self._set("kappa", positive(self.kappa, "kappa", high=2))
        self._set("grid", _numbers(self.grid, "grid", high=10))
        if (
            len(self.grid) < 2
            or self.grid[0] != 0
            or any(a >= b for a, b in zip(self.grid, self.grid[1:], strict=False))
        ):
            raise ValueError("grid: must rise from 0, the null, over at least one sd above it")
        self._set("null_mass", _numbers(self.null_mass, "null_mass", high=1, length=SUBSET_SIZES))
        self._set("null_counts", _numbers(self.null_counts, "null_counts", high=1e6, length=SUBSET_SIZES))
        for name in ("same_day", "cap_unverified"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name}: must be true or false")

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


_WHOLE = (
    ("n_min", 2, 10**6),
    ("sweeps", 1, 1000),
    ("max_overrides", 1, 10**6),
    ("max_subset_size", 0, SUBSET_SIZES - 1),
    ("cell_budget", 1, 10**8),
    ("index_budget", 1, 10**10),
)


def _numbers(value: object, name: str, high: float, length: int | None = None) -> tuple[float, ...]:
    if not isinstance(value, list | tuple) or (length is not None and len(value) != length):
        raise ValueError(f"{name}: must be a list of {length or 'two or more'} numbers")
    return tuple(finite(each, name, 0, high) for each in value)
