"""The columns of another bot's CSV, stated by its user: which of them are our fields, and how their values are spelled.

A mapping is JSON such as

    {"columns": {"external_id": "Ticket", "symbol": "Item", "opened_at": "Open Time"},
     "constants": {"pattern_key": "ea.long.entry"},
     "values": {"side": {"buy": "long", "sell": "short"}},
     "separator": ";", "decimal": ",", "time_format": "%Y.%m.%d %H:%M"}

Fields are those of our flat CSV or of freqtrade's trades. Columns that it does not name are not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.fields import Read, matching, text
from telemetry.foundation.core.objects import Fields, entries
from telemetry.foundation.core.refusal import Refusal, Refused, shown

KEYS = ("columns", "constants", "values", "separator", "decimal", "time_format")
TIMES = frozenset({"opened_at", "closed_at", "at", "known_at", "open_date", "close_date"})
NUMBERS = frozenset({
    "rr", "fraction", "leg_rr", "rr_after", "revision", "profit_ratio", "initial_stop_loss_ratio", "leverage",
    "open_rate", "close_rate", "amount", "fee_open", "fee_close",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Our fields by the file's columns; `time_format` is that of `datetime.strptime`, in UTC unless it reads a zone."""

    columns: Mapping[str, str]
    constants: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    separator: str = ","
    decimal: str = "."
    time_format: str | None = None

    def header(self, theirs: Sequence[str]) -> list[str]:
        """Return our names of the fields in a file with this header. Raises Refused for a column that it lacks."""
        lacking = [each for each in self.columns.values() if each not in theirs]
        if lacking:
            message = f"the header lacks this column, which the mapping names; it has {', '.join(theirs)[:300]}"
            raise Refused(*(Refusal(each, message) for each in lacking))
        return [*self.columns, *self.constants]

    def cells(self, theirs: Sequence[str], cells: Sequence[str]) -> list[str]:
        """Return the cells of a record in the order of `header`. Raises Refused under the file's own column names."""
        by_name = dict(zip(theirs, cells, strict=False))
        found: list[str] = []
        refusals: list[Refusal] = []
        for ours, name in self.columns.items():
            try:
                found.append(self._cell(ours, by_name.get(name, "")))
            except Refused as refused:
                refusals.extend(refused.under(name).refusals)
        if refusals:
            raise Refused(*refusals)
        return [*found, *self.constants.values()]

    def _cell(self, ours: str, cell: str) -> str:
        words = self.values.get(ours)
        if words is not None and cell:
            if cell not in words:
                raise Refused.because(f"{shown(cell)} is not among the values of the mapping: {', '.join(words)[:300]}")
            return words[cell]
        last = ours.rpartition(".")[2]
        if last in NUMBERS and self.decimal == ",":
            return _with_point(cell)
        if last in TIMES and self.time_format is not None and cell:
            return _time(cell, self.time_format)
        return cell


def read_mapping(value: object) -> ColumnMapping:
    """Read a mapping from JSON. Raises Refused with the path of everything that is wrong with it."""
    fields = Fields(value, KEYS)
    mapping = ColumnMapping(
        columns=fields.need("columns", _texts, {}),
        constants=fields.take("constants", _texts, {}),
        values=fields.take("values", entries(_name, _texts, most=60), {}),
        separator=fields.take("separator", _separator, ","),
        decimal=fields.take("decimal", _decimal, "."),
        time_format=fields.take("time_format", text(60), None),
    )
    for twice in sorted(mapping.columns.keys() & mapping.constants.keys()):
        fields.refuse(f"constants.{twice}", "is mapped to a column too; keep one of them")
    fields.close()
    return mapping


def _with_point(cell: str) -> str:
    if "." in cell and "," in cell:
        raise Refused.because(f"{shown(cell)} has a comma and a point; write numbers without thousands separators")
    return cell.replace(",", ".")


def _time(cell: str, layout: str) -> str:
    try:
        if "%z" in layout:
            return utc_text(datetime.strptime(cell, layout).astimezone(UTC))
        return utc_text(datetime.strptime(cell, layout).replace(tzinfo=UTC))
    except ValueError:
        raise Refused.because(f"{shown(cell)} does not fit the mapping's time_format {shown(layout)}") from None


_name: Read[str] = text(80)
_texts: Read[Mapping[str, str]] = entries(_name, text(200), most=60)
_separator = matching("[,;\t|]", "a comma, a semicolon, a tab or a vertical bar")
_decimal = matching("[.,]", "a point or a comma")
