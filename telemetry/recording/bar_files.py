"""Price bars on disk: freqtrade's data folders (feather, parquet, json, json.gz) and CSV files named like them.

A file is named `<pair>-<timeframe>[-<candle type>]`, such as `BTC_USDT-5m.feather` and, in a folder `futures`,
`BTC_USDT_USDT-5m-futures.feather`. Feather and Parquet are read by pyarrow, which is imported when it is first needed.
"""

from __future__ import annotations

import gzip
import importlib
import importlib.util
import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.core.market_context.bars import SECONDS, Bars
from telemetry.core.market_context.sound_bars import COLUMNS, sound_bars
from telemetry.foundation.core.refusal import Refusal, Refused

Columns = Mapping[str, NDArray[np.generic]]

FILE = re.compile(r"(?P<pair>[^.]+?)-(?P<timeframe>\d+[a-zA-Z]{1,2})(-(?P<candles>[a-z_]+))?")
CANDLES = (None, "spot", "futures")
TIME_NAMES = ("time", "date", "timestamp", "open_time", "ts", "datetime")
WITHOUT_PYARROW = (
    "needs pyarrow, which is not installed; run the command by ./dev manage, which installs it, or convert the data: "
    "freqtrade convert-data --format-from feather --format-to json"
)


@dataclass
class BarFolder:
    """The bars below a folder. `notes` tells by file what was mended when it was read.

    Raises Refused, when made, if the path is no folder, holds no bars, holds a pair's bars of one timeframe twice, or
    if pyarrow is needed and not installed.
    """

    path: Path
    notes: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._files = _bar_files(self.path)
        self.pairs = tuple(sorted(map(pair_of, self._files)))
        if importlib.util.find_spec("pyarrow") is None:
            _refuse_arrow_files(self._files)

    def timeframes(self, pair: str) -> tuple[str, ...]:
        """Return the timeframes of a pair on disk, shortest first; none for a pair that is not there."""
        return tuple(sorted(self._files.get(stem_of(pair), {}), key=SECONDS.__getitem__))

    def nearest(self, pair: str, timeframe: str) -> str | None:
        """Return the timeframe from whose file a timeframe is read: itself, or the longest that divides it."""
        if timeframe not in SECONDS:
            return None
        return next((one for one in reversed(self.timeframes(pair)) if SECONDS[timeframe] % SECONDS[one] == 0), None)

    def read(self, pair: str, timeframe: str) -> Bars:
        """Return the bars of one file. Raises Refused with the file's name, and KeyError if there is no such file."""
        path = self._files[stem_of(pair)][timeframe]
        name = str(path.relative_to(self.path))
        try:
            bars, notes = sound_bars(pair, timeframe, _read(path))
        except Refused as refused:
            raise refused.under(name) from None
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise Refused(Refusal(name, f"cannot be read as bars: {error}")) from None
        if notes:
            self.notes[name] = notes
        return bars

    def hourly(self) -> tuple[str, ...]:
        """Return the pairs that have bars of one hour or shorter: those of which a market can be computed."""
        return tuple(pair for pair in self.pairs if self.nearest(pair, "1h") is not None)


def pair_of(stem: str) -> str:
    """Return the pair that a file is named after.

    >>> pair_of("BTC_USDT"), pair_of("BTC_USDT_USDT"), pair_of("1000PEPE_USDT_USDT-240329")
    ('BTC/USDT', 'BTC/USDT:USDT', '1000PEPE/USDT:USDT-240329')
    """
    base, _, rest = stem.partition("_")
    return f"{base}/{rest.replace('_', ':', 1)}" if rest else stem


def stem_of(pair: str) -> str:
    """Return how freqtrade names a pair's files.

    >>> stem_of("BTC/USDT:USDT"), stem_of("A.B/USDT")
    ('BTC_USDT_USDT', 'A_B_USDT')
    """
    return re.sub(r"[/ .@$+:]", "_", pair)


def _refuse_arrow_files(files: Mapping[str, Mapping[str, Path]]) -> None:
    names = (path.name for paths in files.values() for path in paths.values())
    if needy := [name for name in names if name.endswith((".feather", ".parquet"))]:
        raise Refused(Refusal(needy[0], WITHOUT_PYARROW))


def _bar_files(folder: Path) -> dict[str, dict[str, Path]]:
    """Return the files of each pair, as files name it, and timeframe. Raises Refused."""
    if not folder.is_dir():
        raise Refused(Refusal(str(folder), "is no folder; give the folder that holds the bars, such as user_data/data"))
    found: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name, _, suffix = path.name.partition(".")
        parts = FILE.fullmatch(name)
        if parts and suffix in READERS and parts["candles"] in CANDLES and parts["timeframe"] in SECONDS:
            found[parts["pair"], parts["timeframe"]].append(path)
    if not found:
        kinds = ", ".join(READERS)
        raise Refused(Refusal(str(folder), f"holds no bars; they are files named <pair>-<timeframe>.<{kinds}>"))
    files: dict[str, dict[str, Path]] = defaultdict(dict)
    for (stem, timeframe), paths in found.items():
        folders = sorted({str(path.parent.relative_to(folder)) for path in paths})
        if len(folders) > 1:
            message = f"{pair_of(stem)} {timeframe} is in {' and in '.join(folders)}; give the folder of one exchange"
            raise Refused(Refusal(str(folder), message))
        kinds_in_order = tuple(READERS)
        files[stem][timeframe] = min(paths, key=lambda path: kinds_in_order.index(path.name.partition(".")[2]))
    return dict(files)


def _read(path: Path) -> Columns:
    return READERS[path.name.partition(".")[2]](path)


def _feather(path: Path) -> Columns:
    return _arrow_columns(importlib.import_module("pyarrow.feather").read_table(path))


def _parquet(path: Path) -> Columns:
    return _arrow_columns(importlib.import_module("pyarrow.parquet").read_table(path))


def _arrow_columns(table: Any) -> Columns:
    return _named({name: table[name].to_numpy() for name in table.column_names if name in (*COLUMNS, *TIME_NAMES)})


def _json(path: Path) -> Columns:
    return _listed(json.loads(path.read_bytes()))


def _json_gz(path: Path) -> Columns:
    with gzip.open(path) as stream:
        return _listed(json.load(stream))


def _listed(rows: object) -> Columns:
    """Return the columns of freqtrade's JSON: a list of [open time in ms, open, high, low, close, volume]."""
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == len(COLUMNS) for row in rows):
        raise Refused.because(f"is no list of [{', '.join(COLUMNS)}]; export the data again")
    table = np.array(rows, dtype=np.float64).reshape(-1, len(COLUMNS))
    return dict(zip(COLUMNS, table.T, strict=True))


def _csv(path: Path) -> Columns:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return _table(stream)


def _csv_gz(path: Path) -> Columns:
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as stream:
        return _table(stream)


def _table(stream: Any) -> Columns:
    names = [name.strip().strip('"').lower() for name in stream.readline().split(",")]
    wanted = [name for name in names if name in (*COLUMNS, *TIME_NAMES)]
    text = np.loadtxt(
        stream, dtype=str, delimiter=",", ndmin=2, quotechar='"', usecols=[names.index(n) for n in wanted]
    )
    return _named({name: _cells(name, text[:, place]) for place, name in enumerate(wanted)})


def _cells(name: str, cells: NDArray[np.str_]) -> NDArray[np.generic]:
    """Return numbers, or times from text such as 2024-01-01 00:00:00+00:00; an empty cell is not a number."""
    cells = np.char.strip(cells)
    if name in TIME_NAMES and len(cells) and not cells[0].replace(".", "", 1).isdigit():
        plain = np.array([cell.removesuffix("Z").removesuffix("+00:00") for cell in cells])
        return plain.astype("datetime64[s]")
    return np.where(cells == "", "nan", cells).astype(np.float64)


def _named(columns: Columns) -> Columns:
    """Return the columns with their time under one name. Raises Refused, naming the columns that are missing."""
    time = next((name for name in TIME_NAMES if name in columns), None)
    missing = [name for name in COLUMNS[1:] if name not in columns] + ([] if time else ["date"])
    if missing or time is None:
        raise Refused.because(f"lacks the columns {', '.join(missing)}; export the data again")
    return {"time": columns[time], **{name: columns[name] for name in COLUMNS[1:]}}


READERS: Mapping[str, Callable[[Path], Columns]] = {
    "feather": _feather,
    "parquet": _parquet,
    "json": _json,
    "json.gz": _json_gz,
    "csv": _csv,
    "csv.gz": _csv_gz,
}
