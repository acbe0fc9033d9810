"""The distribution of a lever's values: quantiles and a histogram, in units from neutral."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overrides.core.engine.definitions.vocabulary import Blend
from overrides.core.impact.measured_levers import MEASURED

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
BINS = 24
Values = NDArray[np.float64]


def distribution(name: str, before: Sequence[array[float]], after: Sequence[array[float]]) -> dict[str, Any]:
    """Return a lever's distribution before and after a change, and that of the change, as JSON values.

    The arrays hold lever values; those before and after belong to the same requests pairwise, and there is at least
    one.

    >>> found = distribution("entry_delay_bars", [array("d", [0.0, 1.0])], [array("d", [0.0, 3.0])])
    >>> found["changed"], found["raised"], found["quantiles"]["change"]["highest"]
    (1, 1, 2.0)
    """
    one, other = (np.concatenate([_units(name, column) for column in side]) for side in (before, after))
    change = other - one
    edges = np.linspace(min(one.min(), other.min(), 0.0), max(one.max(), other.max(), 0.0), BINS + 1)
    if edges[0] == edges[-1]:
        edges = np.array((-0.5, 0.5))
    return {
        "requests": len(change),
        "changed": int(np.count_nonzero(change)),
        "raised": int(np.count_nonzero(change > 0)),
        "lowered": int(np.count_nonzero(change < 0)),
        "quantiles": {
            what: _quantiles(values) for what, values in (("before", one), ("after", other), ("change", change))
        },
        "histogram": {
            "edges": edges.tolist(),
            "before": np.histogram(one, edges)[0].tolist(),
            "after": np.histogram(other, edges)[0].tolist(),
        },
    }


def change(name: str, before: array[float], after: array[float]) -> float:
    """Return the sum of the changes of one lever over paired requests, in units."""
    return float((_units(name, after) - _units(name, before)).sum())


def _units(name: str, values: array[float]) -> Values:
    lever = MEASURED[name]
    column = np.frombuffer(values, dtype=np.float64)
    return np.log(column / lever.neutral) if lever.blend is Blend.LOG else column - lever.neutral


def _quantiles(values: Values) -> dict[str, float]:
    quantiles = np.quantile(values, QUANTILES).tolist()
    named = {f"p{100 * share:.0f}": value for share, value in zip(QUANTILES, quantiles, strict=True)}
    return {"lowest": float(values.min()), **named, "highest": float(values.max()), "mean": float(values.mean())}
