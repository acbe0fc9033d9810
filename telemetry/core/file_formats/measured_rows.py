"""Rows of freqtrade's trades in the unit of risk of their strategy, which is chosen once for all of its trades."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from telemetry.core.file_formats.exclusions import NO_BARS, NO_STOP, WITHOUT_UNIT
from telemetry.core.file_formats.file_rows import Row
from telemetry.core.unit_of_risk import Unit, UnitChoice, choose_unit


def choose_units(
    rows: Iterable[Row], known: Mapping[str, UnitChoice], wanted: Mapping[str, Unit]
) -> dict[str, UnitChoice]:
    """Return the units of the strategies in `rows` that are not `known` yet; `wanted` are those that a person names.

    One byte is kept per row, so that `rows` may be all rows of many files.
    """
    stops: dict[str, bytearray] = {}
    for row in rows:
        if row.family is not None and row.family not in known and isinstance(row.payload, dict):
            stops.setdefault(row.family, bytearray()).append(row.payload["rr"] is not None)
    return {
        name: UnitChoice(wanted[name]) if name in wanted else choose_unit(map(bool, found))
        for name, found in stops.items()
    }


def measured(row: Row, choices: Mapping[str, UnitChoice]) -> Row:
    """Return a row with its trade's rr in the unit of its strategy, or without one and with the reason.

    The rr that `read_trade` gives is in units of the stop, and missing where the stop is not real. A strategy that is
    measured by 2 ATR gets its rr from price bars.
    """
    if row.family is None or not isinstance(row.payload, dict):
        return row
    unit = choices[row.family].unit
    rr = row.payload["rr"] if unit is Unit.STOP else None
    payload = {**row.payload, "rr": rr}
    if rr is None and payload.get("excluded_reason") in (None, *WITHOUT_UNIT):
        payload["excluded_reason"] = NO_STOP if unit is Unit.STOP else NO_BARS
    return replace(row, payload=payload, unit=unit)
