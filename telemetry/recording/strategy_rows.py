"""The rows of files that a unit of risk is chosen by: those of freqtrade's trades, read before they are recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from telemetry.core.file_formats.file_rows import Defaults, Row
from telemetry.foundation.core.refusal import Refused
from telemetry.recording.open_file import open_file

LOOKED_AT = 2_000  # rows, after which a file without trades of freqtrade is left


def strategy_rows(files: Iterable[Path], defaults: Defaults) -> Iterator[Row]:
    """Yield the rows of files in order; what cannot be read is left out, and refused when the file is recorded.

    A file whose first rows bring their own rr is left after those, since files do not mix the two kinds of trades.
    """
    for file in files:
        try:
            yield from _rows(file, defaults)
        except (OSError, Refused):
            continue  # it is read once more to be recorded, and refused then


def _rows(file: Path, defaults: Defaults) -> Iterator[Row]:
    with open_file(file, defaults) as opened:
        first = list(islice(opened.rows, LOOKED_AT))
        if any(row.family is not None for row in first):
            yield from chain(first, opened.rows)
