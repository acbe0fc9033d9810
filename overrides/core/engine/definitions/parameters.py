"""Parameters of the arithmetic: versioned data, validated on construction, with the plan's defaults.

Two are easily confused: `weight_edge_scale` (1.0) divides the edge in a weight, `lesson_edge_scale` (20) in a movement.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from .dimensions import LEARNED_DIMENSIONS
from .field_error import FieldError
from .json_fields import closed_mapping, finite, positive, text, whole, within
from .levers import LEVERS


@dataclass(frozen=True)
class Document:
    """Construction from and to JSON: unknown names are refused with FieldError, absent ones take their default."""

    @classmethod
    def from_document(cls, document: object, place: str = "parameters") -> Self:
        """Parse the parameters. Raises FieldError, its path below `place`."""
        values = closed_mapping(document, place, {each.name for each in fields(cls)})
        with within(place):
            return cls(**values)

    def to_document(self) -> dict[str, Any]:
        """Return the parameters as JSON values."""
        return dict(json.loads(json.dumps(asdict(self))))  # tuples become lists

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


@dataclass(frozen=True)
class WeightParameters(Document):
    """How overrides are weighed, blended and limited (docs/method.md 4.3 to 4.8).

    - `bounds` (lever -> low, high) and `max_steps` (lever -> step) tighten those of the registry, never widen them.
    - `max_scope_dims` is the number of learnable dimensions: 8 for pm, 14 for dm.
    - `prior_weight` is the weight of neutral in every blend.
    - `max_evidence_age_days` (None: no limit) applies only under the evidence combiner.

    Raises FieldError.
    """

    weight_edge_scale: float = 1.0
    n_target: float = 25.0
    variance_penalty: float = 1.0
    specificity_alpha: float = 1.5
    max_scope_dims: int = len(LEARNED_DIMENSIONS["pm"])
    min_total_weight: float = 0.02
    prior_weight: float = 0.0
    max_evidence_age_days: float | None = None
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    max_steps: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._set("weight_edge_scale", positive(self.weight_edge_scale, "weight_edge_scale"))
        self._set("n_target", positive(self.n_target, "n_target"))
        for name in ("variance_penalty", "specificity_alpha", "prior_weight"):
            self._set(name, finite(getattr(self, name), name, low=0))
        self._set("max_scope_dims", whole(self.max_scope_dims, "max_scope_dims", 1, 64))
        self._set("min_total_weight", finite(self.min_total_weight, "min_total_weight", 0, 1))
        if self.max_evidence_age_days is not None:
            self._set("max_evidence_age_days", positive(self.max_evidence_age_days, "max_evidence_age_days"))
        for name, tightened in (("bounds", _tightened_bounds), ("max_steps", _tightened_step)):
            limits = closed_mapping(getattr(self, name), name, LEVERS)
            self._set(name, {lever: tightened(lever, limits[lever]) for lever in sorted(limits)})

    def bounds_of(self, lever: str) -> tuple[float, float]:
        """Return the lowest and highest value of a lever under these parameters."""
        return self.bounds.get(lever, (LEVERS[lever].low, LEVERS[lever].high))

    def step_of(self, lever: str) -> float:
        """Return the largest step of a lever: a factor minus one for log levers, otherwise lever units."""
        return self.max_steps.get(lever, LEVERS[lever].max_step)


def _tightened_bounds(name: str, pair: object) -> tuple[float, float]:
    lever, where = LEVERS[name], f"bounds.{name}"
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise FieldError(where, "must be [low, high]")
    low, high = (finite(each, where, lever.low, lever.high) for each in pair)
    if not low <= lever.neutral <= high:
        raise FieldError(where, f"{low:g} to {high:g} must contain neutral {lever.neutral:g}")
    return low, high


def _tightened_step(name: str, step: object) -> float:
    return positive(step, f"max_steps.{name}", high=LEVERS[name].max_step)


@dataclass(frozen=True)
class LessonParameters(Document):
    """How lessons are built from cells (docs/method.md 3).

    - `n_min`: the fewest trades of a cell with 1-2, 3-4, 5-6, and 7 or more dimensions.
    - `counterfactual_cutoffs` (R): the limits between none, small, medium and large.
    - `signal_edge_min` (R): the edge from which the two signal thresholds move.
    - `dimensions`: None means the learned dimensions of the module.
    - `max_subset_size`: None means all dimensions at once.

    Raises FieldError.
    """

    learning_rate: float = 0.02
    lesson_edge_scale: float = 20.0
    edge_min: float = 0.5
    incremental_min: float = 0.1
    max_lessons: int = 3
    default_half_life_days: float = 90.0
    n_min: tuple[int, ...] = (10, 20, 30, 50)
    max_subset_size: int | None = None
    cell_budget: int = 2_000_000
    books: tuple[str, ...] = ("paper",)
    dimensions: tuple[str, ...] | None = None
    counterfactual_cutoffs: tuple[float, ...] = (0.1, 0.5, 1.5)
    signal_edge_min: float = 0.3

    def __post_init__(self) -> None:
        self._set("learning_rate", positive(self.learning_rate, "learning_rate", high=1))
        for name in ("lesson_edge_scale", "default_half_life_days"):
            self._set(name, positive(getattr(self, name), name))
        for name in ("edge_min", "incremental_min", "signal_edge_min"):
            self._set(name, finite(getattr(self, name), name, low=0))
        for name in ("max_lessons", "cell_budget", "max_subset_size"):
            if getattr(self, name) is not None or name != "max_subset_size":
                self._set(name, whole(getattr(self, name), name, 1))
        self._set("n_min", tuple(whole(each, "n_min", 1) for each in _listed(self.n_min, "n_min", 4)))
        self._set("books", _names(self.books, "books"))
        self._set("dimensions", None if self.dimensions is None else _names(self.dimensions, "dimensions"))
        cutoffs = _listed(self.counterfactual_cutoffs, "counterfactual_cutoffs", 3)
        self._set("counterfactual_cutoffs", tuple(positive(each, "counterfactual_cutoffs") for each in cutoffs))
        if sorted(cutoffs) != list(cutoffs):
            raise FieldError("counterfactual_cutoffs", "must rise from small to large")

    def n_min_of(self, dims: int) -> int:
        """Return the fewest trades of a cell with `dims` dimensions.

        >>> [LessonParameters().n_min_of(dims) for dims in (0, 2, 3, 5, 7, 14)]
        [10, 10, 20, 30, 50, 50]
        """
        return self.n_min[min(max(dims - 1, 0) // 2, 3)]

    def dimensions_of(self, module: str) -> tuple[str, ...]:
        """Return the dimensions that lessons of the module are built from."""
        return LEARNED_DIMENSIONS[module] if self.dimensions is None else self.dimensions


def _listed(value: object, name: str, length: int | None = None) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple) or not value or (length is not None and len(value) != length):
        raise FieldError(name, f"must be a list of {length or 'one or more'}")
    return tuple(value)


def _names(value: object, name: str) -> tuple[str, ...]:
    names = tuple(text(each, name, 40) for each in _listed(value, name))
    if len(set(names)) != len(names):
        raise FieldError(name, "names an entry twice")
    return names
