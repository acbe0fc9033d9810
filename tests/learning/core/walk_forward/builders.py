"""Builders of synthetic trades and sized trades: valid by default, any column by argument."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from learning.core.cells.rows import DAY
from learning.core.walk_forward.outcome_columns import Trades
from learning.core.walk_forward.sized_trades import SizedTrades
from overrides.core.engine.definitions.module_parameters import ModuleParameters

HOUR = DAY // 24
PATTERNS = ("ema.long.cross", "ema.short.cross", "rsi.long.dip")
DIMENSIONS = ("macro_phase", "bucket", "timeframe")
VALUES = (("Good", "Dip", "Recover"), ("micro", "mid", "big"), ("1h", "4h"))
FIRST_DAY = 19_700


def make_world(seed: int, count: int, *, edge: float, days: int = 300) -> Trades:
    """Return entries over `days`, open for 1 to 40 hours, with an edge in Good.

    In Good the first pattern earns `edge` R more, the second less. Outcomes have sd 1 and a mean of about 0.
    """
    rng = np.random.default_rng(seed)
    at = np.sort(rng.integers(FIRST_DAY * DAY, (FIRST_DAY + days) * DAY, count))
    pattern = rng.integers(0, len(PATTERNS), count)
    scope = np.stack([rng.integers(0, len(values), count) for values in VALUES], axis=1)
    good = scope[:, 0] == 0
    outcome = rng.normal(0, 1, count) + edge * good * ((pattern == 0).astype(float) - (pattern == 1))
    closed_at = at + rng.integers(HOUR, 40 * HOUR, count)
    return make_trades(outcome, at=at, closed_at=closed_at, pattern=pattern, scope=scope)


def make_trades(outcome: ArrayLike, **over: Any) -> Trades:
    """Return entries of one pattern a day apart, each open for an hour."""
    values = np.asarray(outcome, dtype=np.float64)
    count = len(values)
    at = np.asarray(over.get("at", (FIRST_DAY + np.arange(count)) * DAY + 12 * HOUR), dtype=np.int64)
    columns: dict[str, Any] = {
        "module": "pm",
        "at": at,
        "closed_at": at + HOUR,
        "pattern": np.zeros(count, dtype=np.int64),
        "category": np.zeros(count, dtype=np.int64),
        "scope": np.zeros((count, len(DIMENSIONS)), dtype=np.int64),
        "outcome": values,
        "trade": np.arange(count),
        "cluster": np.arange(count),
        "patterns": PATTERNS,
        "categories": ("entry",),
        "dimensions": DIMENSIONS,
        "values": VALUES,
    }
    given = {name: column if isinstance(column, str | tuple) else np.asarray(column) for name, column in over.items()}
    columns |= given
    return Trades(**{"known": columns["closed_at"]} | columns)


def make_sized_trades(outcome: ArrayLike, size: ArrayLike, **over: Any) -> SizedTrades:
    """Return one fold with one trade a day and these sizes; the expected edges are 0."""
    outcomes = np.asarray(outcome, dtype=np.float64)
    sizes, none = np.asarray(size, dtype=np.float64), np.zeros(len(outcomes))
    columns: dict[str, Any] = {
        "day": np.arange(len(outcomes)),
        "fold": np.zeros(len(outcomes), dtype=np.int64),
        "outcome": outcomes,
        "size": sizes,
        "edge": none,
        "baseline": none,
        "prior_mean": none,
        "optimistic": sizes,
    }
    return SizedTrades(**columns | {name: np.asarray(column) for name, column in over.items()})


def parameters() -> ModuleParameters:
    """Return the module's default parameters with the dimensions of these data."""
    document = ModuleParameters.default("pm").to_document()
    document["lessons"] |= {"dimensions": list(DIMENSIONS)}
    return ModuleParameters.from_document("pm", document)
