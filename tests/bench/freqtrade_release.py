"""freqtrade's newest release with the example strategy: a backtest and a live table, and what is imported of them.

    ./dev bench freqtrade_release --bars DIR [--pairs N] [--environment DIR]

DIR holds bars as parquet in whole ticks (`tests/bench/freqtrade_driver.py` reads them). freqtrade is installed into an
environment of its own, kept between runs. The strategy asks a server of this bench, where one override is in force;
then the backtest's result is imported with the client's journal, and the table with the decisions in its custom data.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from devkit import state, wheel
from devkit.environment import UV, install
from django.db import connection
from pytest_django.live_server_helper import LiveServer

from overrides.serving.decisions.decision_queue import QUEUE
from telemetry.audit.simulated_time import time_simulated
from telemetry.core.decision_fit import Acted
from telemetry.core.file_formats.decision_journal import JournalJoin, read_journal
from telemetry.core.file_formats.file_rows import Defaults
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import Action
from telemetry.recording.import_files import import_files
from telemetry.recording.named_decisions import named_decisions
from telemetry.recording.revisions import Status
from tests.bench.report import figure, scratch_database

BENCH = "freqtrade_release"
PATTERN = "DipWithLevers.long.dip"
DRIVER = Path(__file__).with_name("freqtrade_driver.py")
EXAMPLES = state.ROOT / "docs" / "examples"
JOURNAL = "user_data/counterweight_journal.jsonl"
END_OTHERS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()"""
CATEGORIES = ("entry", "add", "trim", "exit")


def run(bars: Path, environment: Path, pairs: int) -> None:
    """Install freqtrade, let the strategy trade, import what freqtrade kept, and print what came of it."""
    python = _environment(environment)
    with TemporaryDirectory() as name, _served() as served:
        home, faults = Path(name), list[str]()
        (home / "user_data").mkdir()
        (home / "bars").mkdir()
        for file in sorted(bars.glob("*.parquet"))[:pairs]:
            (home / "bars" / file.name).symlink_to(file.resolve())
        for kind in ("backtest", "live"):
            made = _drive(python, kind, home, served)
            QUEUE.flush()
            files = [home / "backtest_results"] if kind == "backtest" else [home / "tradesv3.sqlite"]
            book = "backtest" if kind == "backtest" else "live"
            join = _journal(home) if kind == "backtest" else None
            found = imported(files, Defaults(book=book), join)
            for word, value in found.items():
                figure(BENCH, f"{kind}_{word}", value, "1", freqtrade=made["freqtrade"], written=made["trades"])
            faults += [f"{kind}: {fault}" for fault in faults_of(found, made["trades"])]
    if faults:
        raise AssertionError("; ".join(faults))


def imported(files: Sequence[Path], defaults: Defaults, join: JournalJoin | None) -> dict[str, int]:
    """Import files twice; return counts of trades and of actions by category, with those that name a decision."""
    now = datetime.now(UTC)
    first = import_files(files, now=now, defaults=defaults, context=join)
    again = import_files(files, now=now, defaults=defaults, context=None if join is None else JournalJoin(join.journal))
    actions = Action.objects.filter(trade__book=defaults.book, trade__is_current=True)
    kinds = Counter(actions.values_list("action_category", flat=True))
    named = Counter(actions.exclude(decision_ids=[]).values_list("action_category", flat=True))
    counts = {
        "read": sum(report.read for report in first),
        "new": sum(report.counts[Status.NEW] for report in first),
        "refused": sum(report.refused for report in first),
        "unchanged_again": sum(report.counts[Status.UNCHANGED] for report in again),
    }
    counts["misfits"] = sum(map(_misfits, actions.exclude(decision_ids=[]).select_related("trade")))
    counts["applied"] = actions.filter(applied__isnull=False).count()
    counts |= {f"{category}_actions": kinds[category] for category in CATEGORIES}
    counts |= {f"{category}_with_decision": named[category] for category in CATEGORIES}
    return counts


def _misfits(action: Action) -> int:
    """Return how many of the decisions that an action names were not made for it."""
    acted = Acted(action.module, action.pattern_key, action.action_category, action.at, action.trade.book)
    keys = [str(each) for each in action.decision_ids]
    named = named_decisions(keys)
    found = [named.misfit(key, action.trade.external_id, acted) for key in keys]
    return sum(each is not None for each in found)


def faults_of(found: Mapping[str, int], written: int) -> list[str]:
    """Return what misses the bar: all that was written is read, again unchanged, and every action names a decision."""
    expected = {"misfits": 0, "read": written, "new": written, "refused": 0, "unchanged_again": written}
    expected |= {f"{category}_with_decision": found[f"{category}_actions"] for category in CATEGORIES}
    missing = [f"no {category} in it" for category in CATEGORIES if not found[f"{category}_actions"]]
    return missing + [f"{word} {found[word]}, not {value}" for word, value in expected.items() if found[word] != value]


def _environment(directory: Path) -> Path:
    """Return the Python of an environment with freqtrade's newest release and the client's wheel."""
    python = directory / "bin" / "python"
    if not python.exists():
        install([sys.executable, "-m", "venv", "--without-pip", directory])
    install([UV, "pip", "install", "--quiet", "--upgrade", "--python", python, "freqtrade"])
    with TemporaryDirectory() as built:
        made = wheel.build(Path(built))
        install([UV, "pip", "install", "--quiet", "--reinstall", "--no-deps", "--python", python, made])
    return python


@contextmanager
def _served() -> Iterator[Mapping[str, str]]:
    """Serve an override of the strategy's entries; yield the variables by which its client finds the server."""
    from overrides.serving.engine import ENGINE_ROOM
    from tests.api_clients import new_key
    from tests.builders import make_spec, publish, set_mode

    fresh = {"updated_at": utc_text(datetime.now(UTC))}
    try:
        with time_simulated("the bench's bot trades in past months, and builders decide at an instant of their own"):
            publish(make_spec(pattern_key=PATTERN, scope={"timeframe": "5m"}, stats=fresh))
            set_mode("on")
            ENGINE_ROOM.refresh()
            server = LiveServer("localhost")
            try:
                yield {"COUNTERWEIGHT_URL": server.url, "COUNTERWEIGHT_KEY": new_key("record")}
            finally:
                server.stop()
                QUEUE.close()
                ENGINE_ROOM.close()
    finally:
        with connection.cursor() as cursor:  # threads of the server end with their connections, not before
            cursor.execute(END_OTHERS)


def _drive(python: Path, kind: str, home: Path, served: Mapping[str, str]) -> dict[str, Any]:
    """Run freqtrade and return what it says of itself. Raises CalledProcessError."""
    command: list[str | Path] = [python, DRIVER, kind, home, home / "bars", EXAMPLES]
    env = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")} | dict(served)
    done = subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.stderr.write(done.stderr[-5_000:])
        done.check_returncode()
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def _journal(home: Path) -> JournalJoin:
    lines, refusals = read_journal((home / JOURNAL).read_text().splitlines())
    figure(BENCH, "journal_lines", len(lines), "1", refused=len(refusals))
    return JournalJoin(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bars", type=Path, required=True, help="a folder of bars as parquet, one file a pair")
    parser.add_argument("--pairs", type=int, default=2, help="how many of them are traded")
    parser.add_argument("--environment", type=Path, default=state.HOME / "freqtrade", help="freqtrade's own")
    options = parser.parse_args()
    with scratch_database():
        run(options.bars, options.environment, options.pairs)
