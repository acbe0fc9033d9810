"""Choose the unit of risk of each strategy by all rows of its first import, and keep to it ever after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from telemetry.core.file_formats.file_rows import Row
from telemetry.core.file_formats.measured_rows import choose_units, measured
from telemetry.core.file_formats.pattern_parts import pattern_part
from telemetry.core.unit_of_risk import Unit, UnitChoice
from telemetry.foundation.core.refusal import Refusal
from telemetry.models import UnitOfRisk

LONGEST_NAME = 200


def choose_by_all(rows: Iterable[Row], wanted: Mapping[str, Unit], now: datetime) -> dict[str, UnitChoice]:
    """Return the units of all strategies in the rows of a whole import; a strategy that is new gets its unit for good.

    The choice rests on every row, so that it does not depend on the order of rows and files.
    """
    found = choose_units(rows, {}, wanted)
    recorded = _recorded(set(found))
    if new := {name: choice for name, choice in found.items() if name not in recorded}:
        _keep(new, now)
        recorded |= _recorded(set(new))  # another import may have been first
    return recorded


def measure_rows(
    rows: Sequence[Row], choices: dict[str, UnitChoice], wanted: Mapping[str, Unit], now: datetime
) -> list[Row]:
    """Return the rows in the units of their strategies.

    `choices` are the units of `choose_by_all`; a strategy that is not among them gets its unit by these rows, for good.
    Rows of a strategy for which another unit is `wanted` are refused.
    """
    unseen = {row.family for row in rows if row.family is not None} - choices.keys()
    if unseen:
        choices |= choose_by_all((row for row in rows if row.family in unseen), wanted, now)
    return [_refused(row, choices, wanted) or measured(row, choices) for row in rows]


def _recorded(names: set[str]) -> dict[str, UnitChoice]:
    by_key = {_key(name): name for name in names}
    found = UnitOfRisk.objects.filter(strategy__in=list(by_key))
    return {by_key[each.strategy]: UnitChoice(Unit(each.unit), each.trades, each.real_stops) for each in found}


def _keep(choices: Mapping[str, UnitChoice], now: datetime) -> None:
    rows = [
        UnitOfRisk(
            strategy=_key(name),
            unit=choice.unit.value,
            trades=choice.trades,
            real_stops=choice.real_stops,
            chosen_at=now,
        )
        for name, choice in sorted(choices.items())
    ]
    UnitOfRisk.objects.bulk_create(rows, ignore_conflicts=True)


def _key(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else pattern_part(name)


def _refused(row: Row, choices: Mapping[str, UnitChoice], wanted: Mapping[str, Unit]) -> Row | None:
    unit = wanted.get(row.family) if row.family is not None else None
    if row.family is None or unit is None or row.family not in choices or choices[row.family].unit is unit:
        return None
    message = (
        f"{row.family} is measured by {choices[row.family].unit} since its first import, and outcomes in two units "
        "cannot be pooled; import without a choice, or give the trades another name with --family"
    )
    return replace(row, payload=None, market=None, refusals=(Refusal("risk", message),))
