"""Parameters of the arithmetic: versioned data, validated on construction, with the plan's defaults.

Two are easily confused: `weight_edge_scale` (1.0) divides the edge in a weight, `lesson_edge_scale` (20) in a movement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .constants import Document, constant, described
from .field_error import FieldError
from .formats import FIRST
from .json_fields import LARGEST, SMALLEST, closed_mapping, finite, positive, text, whole
from .levers import LEVERS


@dataclass(frozen=True)
class WeightParameters(Document):
    """How overrides are weighed, blended and limited (docs/method.md 4.3 to 4.8).

    `max_scope_dims` is by default the number of pm's learned dimensions in the first format, whatever is known today.
    Raises FieldError.
    """

    weight_edge_scale: float = constant(
        1.0,
        SMALLEST,
        LARGEST,
        "edge, in R, at which w_edge = tanh(|edge| / scale) is 0.76; a larger scale makes every override lighter "
        "(method 4.3)",
    )
    n_target: float = constant(
        25.0,
        SMALLEST,
        LARGEST,
        "number of trades at which w_n = 1 - exp(-n / n_target) is 0.63; a larger target makes overrides that rest on "
        "few trades lighter (method 4.3)",
    )
    variance_penalty: float = constant(
        1.0,
        0,
        LARGEST,
        "per R squared, how much the variance of outcomes counts against an override: w_var = 1 / (1 + penalty * "
        "variance); 0 ignores it (method 4.3)",
    )
    specificity_alpha: float = constant(
        1.5,
        0,
        LARGEST,
        "exponent of w_spec = (dimensions of the scope / max_scope_dims) ^ alpha; a larger exponent makes wide scopes "
        "lighter, 0 weighs all scopes alike but the empty one (method 4.3)",
    )
    max_scope_dims: int = constant(
        len(FIRST.learned["pm"]),
        1,
        64,
        "number of dimensions from which on w_spec is 1, usually all that are learned; a larger number makes every "
        "override lighter (method 4.3)",
    )
    min_total_weight: float = constant(
        0.02, 0, 1, "an override that weighs less takes no part, 0 lets all take part (method 4.4)"
    )
    prior_weight: float = constant(
        0.0,
        0,
        LARGEST,
        "weight of neutral in every blend; a larger one draws all levers towards neutral, 0 leaves it out (method 4.4)",
    )
    max_evidence_age_days: float | None = constant(
        None,
        SMALLEST,
        LARGEST,
        "in days, an override whose newest trade closed longer ago takes no part under the combiner evidence; empty "
        "sets no limit (method 4.6)",
        of=float,
    )
    bounds: Mapping[str, tuple[float, float]] = described(
        "lever: [lowest, highest] value served, within the registry's bounds and around neutral; levers left out keep "
        "the registry's (method 4.8)",
        default_factory=dict,
    )
    max_steps: Mapping[str, float] = described(
        "lever: largest move of one answer from the lever's current value, a factor less 1 or lever units, at most "
        "the registry's; levers left out keep the registry's (method 4.8)",
        default_factory=dict,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
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

    Raises FieldError.
    """

    learning_rate: float = constant(
        0.02,
        SMALLEST,
        1,
        "most that one day with closed trades moves a lever's target, as a factor less 1; a larger rate follows the "
        "edge sooner (method 3.5)",
    )
    lesson_edge_scale: float = constant(
        20.0,
        SMALLEST,
        LARGEST,
        "edge, in R, from which on a day moves a target by the whole learning_rate, smaller edges in proportion; a "
        "larger scale makes targets move less (method 3.5)",
    )
    edge_min: float = constant(
        0.5,
        0,
        LARGEST,
        "in R, least distance of a cell's mean outcome from the baseline for a lesson; a larger one gives fewer "
        "lessons (method 3.2)",
    )
    incremental_min: float = constant(
        0.1,
        0,
        LARGEST,
        "in R, least edge of a lesson beyond that of every scope with one dimension less; a larger one gives fewer "
        "and simpler lessons (method 3.2)",
    )
    max_lessons: int = constant(
        3,
        1,
        LARGEST,
        "most lessons of one pattern and action category, simplest scopes first; more gives narrower ones too "
        "(method 3.3)",
    )
    default_half_life_days: float = constant(
        90.0,
        SMALLEST,
        LARGEST,
        "in days, half-life of a lesson whose weekly edges say nothing about it, and the value fitted ones are drawn "
        "towards; a longer one keeps old lessons in force longer (method 3.6)",
    )
    n_min: tuple[int, ...] = described(
        "fewest trades of a cell with 1-2, 3-4, 5-6 and 7 or more dimensions; larger numbers give fewer cells and "
        "lessons (method 2.2)",
        default=(10, 20, 30, 50),
    )
    max_subset_size: int | None = constant(
        None,
        1,
        LARGEST,
        "most dimensions of a cell's scope; more gives narrower cells too, empty allows all that are learned "
        "(method 2.2)",
        of=int,
    )
    cell_budget: int = constant(
        2_000_000,
        1,
        LARGEST,
        "most cells that are built; beyond, building refuses and says what to reduce; more takes more memory "
        "(method 2.2)",
    )
    books: tuple[str, ...] = described(
        "books whose trades are learned from, such as paper or live; more books give more trades (method 1.4)",
        default=("paper",),
    )
    dimensions: tuple[str, ...] | None = described(
        "scope dimensions that cells and lessons are built from; more give narrower cells, empty means those of the "
        "first format (method 2.1)",
        default=None,
    )
    counterfactual_cutoffs: tuple[float, ...] = described(
        "in R, the gain of the best fixed alternative from which on it is small, medium and large; larger "
        "ones move the tuning levers less often (method 7.2)",
        default=(0.1, 0.5, 1.5),
    )
    signal_edge_min: float = constant(
        0.3,
        0,
        LARGEST,
        "edge, in R, above which the two signal thresholds leave neutral; a larger one moves them less often "
        "(method 7.3)",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
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
        """Return the dimensions that lessons of the module are built from; None means those of the first format."""
        return FIRST.learned[module] if self.dimensions is None else self.dimensions


def _listed(value: object, name: str, length: int | None = None) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple) or not value or (length is not None and len(value) != length):
        raise FieldError(name, f"must be a list of {length or 'one or more'}")
    return tuple(value)


def _names(value: object, name: str) -> tuple[str, ...]:
    names = tuple(text(each, name, 40) for each in _listed(value, name))
    if len(set(names)) != len(names):
        raise FieldError(name, "names an entry twice")
    return names
