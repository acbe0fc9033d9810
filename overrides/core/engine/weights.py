"""The weight of an override: one table of factors, whose product is the weight (docs/method.md 4.3).

    w_total = w_edge * w_n * w_var * w_spec * w_decay

`FACTORS` is the only place that lists them. The engine, the pages, the selection of lessons and the preview of other
parameters all use it. A new factor needs a function and a row here, its constants (with their meaning) in
`definitions.parameters`, and a format in `definitions.formats`; nothing else names a factor.

Only w_decay depends on the time of the request; the product of the others is fixed when a version is compiled. The
examples are the plan's own override: edge .82 R, 37 trades, variance .45, three of ten dimensions. Every factor takes
floats, for one override, or arrays of shape (overrides,), for many at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial, reduce
from operator import mul
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from .definitions.override_stats import Stats
from .definitions.parameters import WeightParameters

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY = 86_400_000_000  # microseconds
WEIGHT_DECIMALS = 12  # of w_total, for the floor test and the sort order only
ROUNDED_AWAY = 1e-11  # more than rounding to WEIGHT_DECIMALS can change a weight

Column = NDArray[np.float64]
N = TypeVar("N", float, Column)
M = TypeVar("M", float, Column)


def _each(function: Callable[[float], float], column: Column) -> Column:
    """Apply a function of the standard library to each row, so that many overrides weigh to the bit what one does."""
    return np.fromiter(map(function, column.tolist()), np.float64, column.size)


def _powers(column: Column, exponents: N) -> Column:
    """Raise each row to its exponent, to the bit as one override's is raised."""
    powers = map(math.pow, column.tolist(), np.broadcast_to(exponents, column.shape).tolist())
    return np.fromiter(powers, np.float64, column.size)


def edge_weight(edge_raw: N, edge_scale: N) -> N:
    """Return w_edge = tanh(|edge_raw| / edge_scale), in [0, 1]; edge in R.

    >>> round(edge_weight(0.82, 1.0), 6)
    0.67507
    """
    ratio = abs(edge_raw) / edge_scale
    return math.tanh(ratio) if isinstance(ratio, float) else _each(math.tanh, ratio)


def sample_weight(n: N, n_target: N) -> N:
    """Return w_n = 1 - exp(-n / n_target), in [0, 1]; n in trades.

    >>> round(sample_weight(37, 25), 6)
    0.772362
    """
    exponent = -n / n_target
    return 1.0 - (math.exp(exponent) if isinstance(exponent, float) else _each(math.exp, exponent))


def variance_weight(variance: N, variance_penalty: N) -> N:
    """Return w_var = 1 / (1 + variance_penalty * variance), in (0, 1]; variance in R squared.

    >>> round(variance_weight(0.45, 1.0), 6)
    0.689655
    """
    return 1.0 / (1.0 + variance_penalty * variance)


def specificity_weight(dims: N, max_scope_dims: N, alpha: N) -> N:
    """Return w_spec = min(1, dims / max_scope_dims) ** alpha, in [0, 1]; 0 for a scope without dimensions.

    >>> round(specificity_weight(3, 10, 1.5), 6), specificity_weight(0, 10, 0.0)
    (0.164317, 0.0)
    """
    share = dims / max_scope_dims
    if isinstance(share, float):
        return 0.0 if share == 0 else min(1.0, share) ** alpha
    return np.where(share == 0, 0.0, _powers(np.minimum(1.0, share), alpha))


def decay_weight(age_days: N, half_life_days: N) -> N:
    """Return w_decay = exp(-age / half_life), in [0, 1]: after one half-life 1/e, not 1/2, as in the plan.

    >>> round(decay_weight(18.0, 18.0), 6), decay_weight(9.0, 18.0) ** 2 == decay_weight(18.0, 18.0)
    (0.367879, True)
    """
    exponent = -age_days / half_life_days
    return math.exp(exponent) if isinstance(exponent, float) else _each(math.exp, exponent)


class Basis(NamedTuple, Generic[N]):
    """The inputs of an override's weight besides its age: its statistics and the number of its scope's dimensions."""

    edge_raw: N
    n: N
    variance: N
    half_life_days: N
    dims: N


def basis_of(stats: Stats, dims: int) -> Basis[float]:
    """Return the basis of one override whose scope has `dims` dimensions."""
    return Basis(stats.edge_raw, stats.n, stats.variance, stats.half_life_days, dims)


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a weight.

    `symbol` is its key in answers, decisions and tables, `label` its name for people. `value` is called with the fields
    of a `Basis` that `basis` names, then with the parameters that `constants` names; if it `depends_on_moment`, the age
    in days comes first, and the value is at most 1. `rests_on` is a format string that shows people its inputs.
    """

    symbol: str
    label: str
    basis: tuple[str, ...]
    constants: tuple[str, ...]
    value: Callable[..., Any]
    rests_on: str
    depends_on_moment: bool = False

    def picked(self, basis: Basis[N]) -> tuple[N, ...]:
        """Return the fields of a basis that the function takes."""
        return tuple([getattr(basis, name) for name in self.basis])


FACTORS: tuple[Factor, ...] = (
    Factor("w_edge", "edge", ("edge_raw",), ("weight_edge_scale",), edge_weight, "{edge_raw:+.3g} R"),
    Factor("w_n", "sample", ("n",), ("n_target",), sample_weight, "{n:g} trades"),
    Factor("w_var", "variance", ("variance",), ("variance_penalty",), variance_weight, "{variance:.3g} R²"),
    Factor("w_decay", "decay", ("half_life_days",), (), decay_weight, "{age_days:.3g} days", True),
    Factor(
        "w_spec",
        "specificity",
        ("dims",),
        ("max_scope_dims", "specificity_alpha"),
        specificity_weight,
        "{dims} of {max_scope_dims}",
    ),
)


def multiplied(factors: Sequence[Factor]) -> tuple[Factor, ...]:
    """Return the factors in the order of multiplication: those that depend on the time of the request last.

    >>> [each.label for each in multiplied(FACTORS)]
    ['edge', 'sample', 'variance', 'specificity', 'decay']
    """
    return tuple(sorted(factors, key=lambda each: each.depends_on_moment))


MULTIPLIED = multiplied(FACTORS)
SYMBOLS = tuple(each.symbol for each in FACTORS)
PLACES = tuple((each.symbol, MULTIPLIED.index(each)) for each in FACTORS)  # index in MULTIPLIED by symbol


@dataclass(frozen=True, slots=True)
class OverrideWeight(Generic[N]):
    """The weight of one override, or of many as columns, as a function of the age of its evidence.

    `static_values` are the factors that do not depend on the time of the request and `static_weight` is their product.
    `moment` holds the others, each as a function and its arguments after the age.
    """

    static_values: tuple[N, ...]
    static_weight: N
    moment: tuple[tuple[Callable[..., N], tuple[Any, ...]], ...]

    def at(self, age_days: N) -> tuple[tuple[N, ...], N]:
        """Return the values of all factors in the order of `MULTIPLIED`, and w_total, their product, at this age."""
        of_moment = tuple([value(age_days, *arguments) for value, arguments in self.moment])
        return self.static_values + of_moment, reduce(mul, of_moment, self.static_weight)


@dataclass(frozen=True, slots=True)
class WeightFormula(Generic[N]):
    """`FACTORS` with given constants: for each of `MULTIPLIED`, the values of its constants."""

    constants: tuple[tuple[N, ...], ...]

    @classmethod
    def under(cls, constant: Callable[[str], N]) -> WeightFormula[N]:
        """Return the formula with constants by name; they are columns if many overrides are weighed at once."""
        return cls(tuple([tuple([constant(name) for name in each.constants]) for each in MULTIPLIED]))

    def weight(self, basis: Basis[M]) -> OverrideWeight[M]:
        """Return the weight of an override with this basis, or of many with a basis of columns."""
        static = self.static_values(basis)
        moment: list[tuple[Callable[..., M], tuple[Any, ...]]] = []
        for row in self.timed:
            moment.append((row[0].value, row[0].picked(basis) + row[1]))
        return OverrideWeight(static, reduce(mul, static), tuple(moment))

    def static_values(self, basis: Basis[M]) -> tuple[M, ...]:
        """Return the factors that do not depend on the time of the request, in the order of `MULTIPLIED`."""
        rows = self._rows()
        return tuple([each.value(*each.picked(basis), *taken) for each, taken in rows if not each.depends_on_moment])

    @property
    def timed(self) -> tuple[tuple[Factor, tuple[N, ...]], ...]:
        """The factors that depend on the time of the request, with the values of their constants."""
        return tuple([(each, taken) for each, taken in self._rows() if each.depends_on_moment])

    def _rows(self) -> Iterable[tuple[Factor, tuple[N, ...]]]:
        return zip(MULTIPLIED, self.constants, strict=True)


def formula_of(parameters: WeightParameters) -> WeightFormula[float]:
    """Return the formula with a channel's parameters.

    >>> basis = Basis(edge_raw=0.82, n=37, variance=0.45, half_life_days=18, dims=3)
    >>> values, total = formula_of(WeightParameters(max_scope_dims=10)).weight(basis).at(9.0)
    >>> round(total, 6)
    0.035837
    """
    return WeightFormula.under(partial(getattr, parameters))


def by_symbol(values: Sequence[float] | None) -> dict[str, float | None]:
    """Return values in the order of `MULTIPLIED` by symbol, in the order of `FACTORS`; None for each without weights.

    >>> by_symbol([0.1, 0.2, 0.3, 0.4, 0.5])
    {'w_edge': 0.1, 'w_n': 0.2, 'w_var': 0.3, 'w_decay': 0.5, 'w_spec': 0.4}
    """
    return {symbol: None if values is None else values[place] for symbol, place in PLACES}


def microseconds(at: datetime) -> int:
    """Return an aware time as whole microseconds since 1970; differences of such numbers are exact and cheap."""
    return (at - EPOCH) // MICROSECOND


def age_in_days(updated: int, now: int) -> float:
    """Return the age of evidence in days, never negative, from times in `microseconds`.

    >>> age_in_days(microseconds(datetime(2025, 1, 11, tzinfo=UTC)), microseconds(datetime(2025, 1, 20, tzinfo=UTC)))
    9.0
    """
    return (now - updated) / DAY if now > updated else 0.0


def rounded_weight(w_total: float) -> float:
    """Return the weight as the floor test and the sort order use it, so that the last bit decides nothing.

    >>> rounded_weight(0.02 - 1e-16) < 0.02
    False
    """
    return round(w_total, WEIGHT_DECIMALS)


def are_below(w_total: Column, floor: float) -> NDArray[np.bool_]:
    """Return per weight whether it is below the floor, as `is_below` does for one.

    >>> are_below(np.array([0.02 - 1e-16, 0.02 - 1e-11, 0.5]), 0.02).tolist()
    [False, True, False]
    """
    below: NDArray[np.bool_] = w_total < floor + ROUNDED_AWAY
    surely = w_total <= floor - ROUNDED_AWAY
    if np.count_nonzero(below) > np.count_nonzero(surely):
        doubtful = below & ~surely
        below[doubtful] = [rounded_weight(weight) < floor for weight in w_total[doubtful].tolist()]
    return below


def heaviest_first(weights: Sequence[float]) -> list[int]:
    """Return the places of weights by falling rounded weight; equal ones keep their order.

    >>> heaviest_first([0.1, 0.3, 0.3 + 1e-16, 0.2])
    [1, 2, 3, 0]
    """
    order = sorted(range(len(weights)), key=weights.__getitem__, reverse=True)
    last = math.inf
    for place in order:
        weight = weights[place]
        if last - weight < ROUNDED_AWAY:  # rounding may make them equal
            rounded = [rounded_weight(each) for each in weights]
            return sorted(range(len(weights)), key=rounded.__getitem__, reverse=True)
        last = weight
    return order


def is_below(w_total: float, floor: float) -> bool:
    """Return whether the rounded weight is below the floor; weights far above it are not rounded, which is slow.

    >>> is_below(0.02 - 1e-16, 0.02), is_below(0.02 - 1e-11, 0.02), is_below(0.5, 0.02)
    (False, True, False)
    """
    return w_total < floor + ROUNDED_AWAY and rounded_weight(w_total) < floor
