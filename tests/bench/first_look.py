"""A first look at trades in memory: from opening the file to the report, and no database.

`./dev bench first_look`: 10,000 trades of 200 patterns with ten dimensions; the bar is two minutes.
"""

from __future__ import annotations

import json
import resource
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from config.imports.document import Section
from config.imports.first_look_report import report_of
from config.imports.looking import look_at
from config.imports.reading import read_trades
from telemetry.core.file_formats.file_rows import Defaults
from tests.bench.report import figure, timed
from tests.bench.worlds import world

TRADES = 10_000
BAR_SECONDS = 120.0


def run(count: int = TRADES) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trades.jsonl"
        with path.open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps(trade) + "\n" for trade in world(count).payloads("look", 1))
        texts: list[str] = []
        taken = timed(lambda: texts.append(look(path)))
    figure("first_look", "report", taken.wall, "s", trades=count, bar=BAR_SECONDS, cpu=round(taken.cpu, 2))
    figure("first_look", "characters", len(texts[0]), "characters")
    figure("first_look", "memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB")


def look(path: Path) -> str:
    """Return the report on a file as text."""
    read = read_trades([path], now=datetime.now(UTC), defaults=Defaults())
    return report_of(look_at(read), Section("What is next")).as_text()


if __name__ == "__main__":
    run()
