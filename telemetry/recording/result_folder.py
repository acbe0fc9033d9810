"""The backtest results in a folder of freqtrade's, and the metadata that lie beside each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

RESULTS = (".zip", ".json")
METADATA = ".meta.json"
OTHERS = (METADATA, "_config.json", ".last_result.json")  # JSON that freqtrade writes beside its results
LARGEST_METADATA = 1_000_000  # bytes


def found_files(files: Sequence[Path]) -> Iterator[Path]:
    """Yield the files, and of each folder the results in it by name; a folder without any is yielded itself."""
    for file in files:
        results = list(_results(file)) if file.is_dir() else []
        yield from results or [file]


def metadata_beside(file: Path) -> object:
    """Return what the `.meta.json` beside a result holds; None if there is none that can be read."""
    beside = file.with_name(file.name.removesuffix(file.suffix) + METADATA)
    try:
        if file.suffix not in RESULTS or beside.stat().st_size > LARGEST_METADATA:
            return None
        return json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None  # it only names the run; the result can be read without


def _results(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.suffix in RESULTS and not file.name.endswith(OTHERS):
            yield file
