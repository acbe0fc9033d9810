"""The shape of a kept report: sections of figures and of tables, as plain JSON values that any reader can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

Cell = str | int | float | None


def address(route: str, *arguments: object, **asked: object) -> str:
    """Return the address of a page of this site."""
    query = f"?{urlencode(asked)}" if asked else ""
    return reverse(route, args=arguments) + query


@dataclass(frozen=True)
class Figure:
    """One figure in a sentence's worth of words.

    `value` is None where it is not shown, and `note` then says what is missing. `link` leads to the page that shows it.
    """

    what: str
    value: Cell
    unit: str = ""
    note: str = ""
    link: str = ""


@dataclass(frozen=True)
class TableRow:
    """A row of a table, with the page of its first cell."""

    cells: Sequence[Cell]
    link: str = ""


@dataclass(frozen=True)
class Table:
    """A table; `numbers` are the places of columns with numbers, and `more` is how many rows it leaves out."""

    title: str
    columns: Sequence[str]
    rows: Sequence[TableRow]
    numbers: Sequence[int] = ()
    more: int = 0
    nothing: str = "None."


@dataclass(frozen=True)
class Daily:
    """A value for each UTC day of the week, drawn as bars; None where nothing closed."""

    title: str
    unit: str
    days: Sequence[str]
    values: Sequence[float | None]


@dataclass(frozen=True)
class Section:
    """One part of the report."""

    key: str
    title: str
    about: str = ""
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    daily: Daily | None = None

    def to_document(self) -> dict[str, Any]:
        """Return the section as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Line:
    """One line of the CSV: a figure, or a row of a table whose other cells are in `detail`."""

    section: str
    what: Cell
    value: Cell
    unit: str
    detail: str
    page: str


def lines_of(document: Mapping[str, Any]) -> Sequence[Line]:
    """Return a kept document as lines of a CSV."""
    return [line for section in document["sections"] for line in _lines(section)]


def _lines(section: Mapping[str, Any]) -> Sequence[Line]:
    title = section["title"]
    found = [Line(title, f["what"], f["value"], f["unit"], f["note"], f["link"]) for f in section["figures"]]
    for table in section["tables"]:
        for row in table["rows"]:
            named = zip(table["columns"][1:], row["cells"][1:], strict=True)
            detail = "; ".join(f"{name}: {value}" for name, value in named if value not in (None, ""))
            found.append(Line(f"{title}: {table['title']}", row["cells"][0], None, "", detail, row["link"]))
    daily = section["daily"]
    if daily is not None:
        found += [
            Line(f"{title}: {daily['title']}", day, value, daily["unit"], "", "")
            for day, value in zip(daily["days"], daily["values"], strict=True)
        ]
    return found


@dataclass(frozen=True)
class Period:
    """The week that is reported, [since, until), and when the report is made."""

    since: datetime
    until: datetime
    made_at: datetime

    @property
    def days(self) -> list[date]:
        """The UTC days of the week."""
        return [(self.since + timedelta(days=number)).date() for number in range(7)]

    @property
    def bounds(self) -> dict[str, datetime]:
        """The names under which queries take the week."""
        return {"since": self.since, "until": self.until, "made_at": self.made_at}


def moment(at: datetime | None) -> str:
    """Return a time as reports write it.

    >>> moment(datetime(2026, 11, 27, tzinfo=UTC)), moment(None)
    ('2026-11-27 00:00 UTC', '')
    """
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
