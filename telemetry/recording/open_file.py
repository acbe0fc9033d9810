"""Open a file of trades and read its rows, with the metadata that lie beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from telemetry.core.file_formats.detect_format import WHOLE_FILE, read_rows
from telemetry.core.file_formats.file_rows import Defaults, Row
from telemetry.foundation.core.refusal import Refused
from telemetry.recording.result_folder import metadata_beside

NO_RESULT = "the folder holds no backtest result (.zip or .json); name the file itself"


class OpenFile(NamedTuple):
    """The rows of a file, and the fraction of it that has been read so far, 0 to 1."""

    rows: Iterator[Row]
    done: Callable[[], float]


@contextmanager
def open_file(file: Path, defaults: Defaults) -> Iterator[OpenFile]:
    """Open a file of trades; a folder, which holds no results if it is still one, has one refused row.

    Raises OSError, also while rows are read, if the file cannot be read (`why_unreadable`).
    """
    if file.is_dir():
        yield OpenFile(iter([Row.refused(WHOLE_FILE, Refused.because(NO_RESULT))]), lambda: 1.0)
        return
    with file.open("rb") as stream:
        size = file.stat().st_size
        rows = read_rows(stream, file.name, size, defaults, path=file, beside=metadata_beside(file))
        yield OpenFile(rows, lambda: 1.0 if size == 0 else min(1.0, stream.tell() / size))


def why_unreadable(error: OSError) -> str:
    """Return why a file cannot be read, and the way out."""
    return f"cannot be read ({error.strerror or error}); check its path and permissions"
