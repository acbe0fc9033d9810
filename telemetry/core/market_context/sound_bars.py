"""Bars out of raw columns: sorted, distinct, on their timeframe's grid; what was mended is told, the rest refused."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .bars import SECONDS, Bars, Flags, Floats, Ints

PRICES = ("open", "high", "low", "close")
COLUMNS = ("time", *PRICES, "volume")
UNITS = (1, 10**3, 10**6, 10**9)  # seconds, milliseconds, microseconds, nanoseconds
EARLIEST, LATEST = 1_230_768_000, 4_102_444_800  # 2009-01-01, before any exchange, and 2100-01-01
TOLERATED = 0.01


def sound_bars(symbol: str, timeframe: str, columns: Mapping[str, NDArray[np.generic]]) -> tuple[Bars, list[str]]:
    """Return bars from columns `time open high low close volume` of equal length, and what had to be mended.

    `time` is the open time since the epoch, in seconds, milliseconds, microseconds or nanoseconds. Rows in any order
    are sorted; of rows with one time the last stays; rows without a number, off the grid of the timeframe, or with a
    price that is not positive or outside low to high are left out, and counted. Raises ValueError if those are more
    than 1 % of the rows, if the bars are of another timeframe, and for a timeframe that is not known.
    """
    if timeframe not in SECONDS:
        raise ValueError(f"{timeframe} is no timeframe that is read; use one of {', '.join(SECONDS)}")
    values: dict[str, Floats] = {name: np.asarray(columns[name], dtype=np.float64) for name in COLUMNS[1:]}
    time = _seconds(columns["time"])
    kept, notes = np.full(len(time), True), []
    for reason, bad in (
        ("without a number", ~np.isfinite(np.array(list(values.values()))).all(axis=0) | (time < 0)),
        (f"off the grid of {timeframe}", time % SECONDS[timeframe] != 0),
        ("with an impossible price or volume", ~_possible(values)),
    ):
        if count := int((bad & kept).sum()):
            notes.append(f"{count} of {len(time)} rows {reason} left out")
            if count > TOLERATED * len(time):
                raise ValueError(f"{count} of {len(time)} rows are {reason}; these are no {timeframe} bars of a pair")
            kept &= ~bad
    time, values = time[kept], {name: column[kept] for name, column in values.items()}
    if (np.diff(time) <= 0).any():
        order = np.argsort(time, kind="stable")
        time, values = time[order], {name: column[order] for name, column in values.items()}
        last = np.append(np.diff(time) > 0, True)
        notes.append(
            "rows were out of order" if last.all() else f"{int((~last).sum())} rows with a repeated time left out"
        )
        time, values = time[last], {name: column[last] for name, column in values.items()}
    notes += _gaps(time, timeframe)
    return Bars(symbol, timeframe, time, **values), notes


def _seconds(time: NDArray[np.generic]) -> Ints:
    """Return times in seconds, whatever unit they are in; -1 where there is none. Raises ValueError.

    >>> _seconds(np.array([1_704_067_200_000, 1_704_067_500_000])).tolist()
    [1704067200, 1704067500]
    """
    if time.dtype.kind == "M":
        stamps = time.astype("datetime64[s]")
        time = np.where(np.isnat(stamps), -1, stamps.astype(np.int64))
    elif time.dtype.kind == "f":
        time = np.where(np.isfinite(time.astype(np.float64)), time.astype(np.float64), -1)
    numbers: Ints = time.astype(np.int64)
    middle = float(np.median(numbers[numbers >= 0])) if (numbers >= 0).any() else EARLIEST
    unit = next((unit for unit in UNITS if EARLIEST <= middle / unit < LATEST), None)
    if unit is None:
        raise ValueError(f"times around {middle:.0f} are in no unit since 2009; give epoch milliseconds")
    return np.where(numbers < 0, -1, numbers // unit)


def _possible(values: Mapping[str, Floats]) -> Flags:
    """Return whether each row has positive prices with low <= open, close <= high, and no negative volume."""
    low, high = values["low"] * (1 - 1e-9), values["high"] * (1 + 1e-9)
    inside = [(low <= values[name]) & (values[name] <= high) for name in ("open", "close")]
    possible: Flags = (values["low"] > 0) & (values["volume"] >= 0) & inside[0] & inside[1]
    return possible


def _gaps(time: Ints, timeframe: str) -> list[str]:
    """Return what to say of missing bars. Raises ValueError if most of the steps are longer than the timeframe."""
    steps = np.diff(time) // SECONDS[timeframe]
    if len(steps) and np.median(steps) > 1:
        raise ValueError(f"most bars are {int(np.median(steps))} times {timeframe} apart; the timeframe is another one")
    gaps, missing = int((steps > 1).sum()), int((steps - 1).sum())
    return [f"gaps: {gaps}, bars missing: {missing}"] if gaps else []
