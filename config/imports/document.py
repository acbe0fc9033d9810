"""A report as a document: sections of sentences and tables, printed as text or rendered as a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

WIDTH = 100


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header; `kinds` has a letter for each column, t for text and n for numbers."""

    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    kinds: str

    @property
    def cells(self) -> list[list[tuple[str, bool]]]:
        """Each row as pairs of a cell and whether it is a number."""
        return [self._told_apart(row) for row in self.rows]

    @property
    def header_cells(self) -> list[tuple[str, bool]]:
        """The header as pairs of a cell and whether its column holds numbers."""
        return self._told_apart(self.header)

    def _told_apart(self, row: tuple[str, ...]) -> list[tuple[str, bool]]:
        return [(cell, letter == "n") for cell, letter in zip(row, self.kinds, strict=True)]


@dataclass(frozen=True)
class Section:
    """A heading, sentences, an optional table and chart, sentences that follow them, and commands to type."""

    heading: str
    sentences: Sequence[str] = ()
    table: Table | None = None
    notes: Sequence[str] = ()
    chart: Any = None
    commands: Sequence[str] = ()


@dataclass(frozen=True)
class Document:
    """A title and its sections; `summary` is what a reader must not miss."""

    title: str
    summary: Sequence[str]
    sections: Sequence[Section]

    def as_text(self) -> str:
        """Return the document as plain text of at most 100 columns, tables aside."""
        return "\n".join(self._lines()) + "\n"

    def as_json(self) -> dict[str, Any]:
        """Return the document as JSON values."""
        return {
            "title": self.title,
            "summary": list(self.summary),
            "sections": sections_as_json(self.sections),
        }

    def _lines(self) -> Iterator[str]:
        yield from (self.title, "=" * len(self.title), "")
        yield from _wrapped(self.summary)
        yield from section_lines(self.sections)


def section_lines(sections: Sequence[Section]) -> Iterator[str]:
    """Yield sections as lines of text, each after an empty line."""
    for section in sections:
        yield from ("", section.heading, "-" * len(section.heading))
        yield from _wrapped(section.sentences)
        if section.table is not None:
            yield from _table(section.table)
        yield from _wrapped(section.notes)
        yield from (f"  {command}" for command in section.commands)


def sections_as_json(sections: Sequence[Section]) -> list[dict[str, Any]]:
    """Return sections as JSON values."""
    return [
        {
            "heading": each.heading,
            "sentences": [*each.sentences, *each.notes],
            "commands": list(each.commands),
            "table": None if each.table is None else {
                "header": list(each.table.header), "rows": [list(row) for row in each.table.rows]
            },
        }
        for each in sections
    ]  # fmt: skip


def _wrapped(sentences: Sequence[str]) -> Iterator[str]:
    for sentence in sentences:
        yield from wrap(sentence, WIDTH, break_long_words=False, break_on_hyphens=False)


def _table(table: Table) -> Iterator[str]:
    """Yield the aligned rows of a table, text to the left and numbers to the right."""
    rows = [table.header, *table.rows]
    widths = [max(len(row[at]) for row in rows) for at in range(len(table.header))]
    for row in rows:
        cells = (
            cell.rjust(width) if letter == "n" else cell.ljust(width)
            for cell, width, letter in zip(row, widths, table.kinds, strict=True)
        )
        yield ("  " + "  ".join(cells)).rstrip()
