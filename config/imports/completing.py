"""What completes the rows of files before they are recorded: the decisions of a journal, then the context of bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from config.imports.bars import context_from
from telemetry.core.file_formats.decision_journal import JournalJoin, read_journal
from telemetry.core.file_formats.file_rows import Row
from telemetry.core.market_context.universe import Universe
from telemetry.foundation.core.refusal import Refused
from telemetry.foundation.core.words import count_of
from telemetry.recording.market_context import BarsContext


@dataclass
class Completion:
    """Completes rows by what it was given; without a journal and bars it changes nothing."""

    journal: JournalJoin | None = None
    bars: BarsContext | None = None

    def __call__(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Return the rows, completed, in the same order. Raises Refused if the universe cannot be computed."""
        if self.journal is not None:
            rows = self.journal(rows)
        return rows if self.bars is None else self.bars(rows)

    @property
    def universe(self) -> Universe | None:
        """The universe that scopes from bars name; None without one."""
        market = None if self.bars is None else self.bars.market
        return None if market is None else market.universe


def completion_of(options: Mapping[str, Any], known: Mapping[str, Universe] | None = None) -> Completion:
    """Return what the options complete rows by; `known` are universes by name. Raises CommandError."""
    journal = None if options["journal"] is None else _journal(options["journal"], strict=bool(options.get("strict")))
    return Completion(journal, context_from(options["bars"], options["universe"], known))


def unread_lines(journal: JournalJoin) -> str:
    """Return a sentence on the lines of a journal that could not be read; empty if all could."""
    if not journal.unread:
        return ""
    lines = len({each.field.partition(".")[0] for each in journal.unread})
    return f"{count_of(lines, 'line')} of the journal could not be read; the first: {Refused(journal.unread[0])}."


def _journal(path: Path, *, strict: bool) -> JournalJoin:
    """Return the join of a journal; a line that cannot be read is left out, and refused where `strict` or all are."""
    try:
        content = path.read_bytes().decode("utf-8", "surrogateescape")  # what is no UTF-8 costs its line alone
    except OSError as error:
        raise CommandError(f"--journal: {path} cannot be read ({error})") from error
    lines, refusals = read_journal(content.splitlines())
    if refusals and (strict or not lines):
        raise CommandError(f"--journal: {path}: {Refused(*refusals[:3])}")
    return JournalJoin(lines, refusals)
