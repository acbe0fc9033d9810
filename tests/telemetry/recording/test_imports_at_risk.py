"""Imports that are killed midway or run twice at once: whole batches only, and every trade once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from telemetry.models import Action, Outcome, Trade
from telemetry.recording.import_files import BATCH
from tests.builders import trade_payload, wait_until
from tests.telemetry.core.file_formats.builders import json_lines

ROOT = Path(__file__).parents[3]
NOTHING_ELSE = [0, 0]  # corrected, refused
MANY = 10 * BATCH  # an import of so many is killed long before its end
SOME = 4 * BATCH


pytestmark = pytest.mark.django_db(transaction=True)


def test_a_killed_import_leaves_whole_batches_and_the_next_completes_it(tmp_path: Path) -> None:
    file = file_of(MANY, tmp_path)
    killed = start_import(file)
    wait_until(Trade.objects.exists, "the first batch", seconds=60)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=60)
    wait_until(_alone, "PostgreSQL to notice that its client is gone")

    left = Trade.objects.count()
    assert left % BATCH == 0
    assert 0 < left < MANY
    assert (Action.objects.count(), Outcome.objects.count()) == (left, left)

    assert counts(start_import(file), MANY) == {"new": MANY - left, "unchanged": left}
    assert Action.objects.count() == Outcome.objects.count() == Trade.objects.count() == MANY


def test_two_imports_of_one_file_record_every_trade_once(tmp_path: Path) -> None:
    file = file_of(SOME, tmp_path)
    first, second = (counts(command, SOME) for command in [start_import(file), start_import(file)])

    assert first["new"] + second["new"] == first["unchanged"] + second["unchanged"] == SOME
    assert Action.objects.count() == Outcome.objects.count() == Trade.objects.count() == SOME


def file_of(trades: int, directory: Path) -> Path:
    """Write a file with so many trades and return its path."""
    path = directory / "trades.jsonl"
    path.write_bytes(json_lines(*(trade_payload(f"t{number}") for number in range(trades))))
    return path


def start_import(file: Path) -> subprocess.Popen[str]:
    """Start the command on the test database, whose name it is given."""
    login = connection.settings_dict
    host = f"{login['USER']}:{login['PASSWORD']}@{login['HOST']}:{login['PORT']}"
    return subprocess.Popen(
        [sys.executable, "manage.py", "import_trades", file],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": f"postgres://{host}/{login['NAME']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def counts(command: subprocess.Popen[str], trades: int) -> dict[str, int]:
    """Return the counts of an import of so many trades that succeeded: new and unchanged, nothing else."""
    output, errors = command.communicate(timeout=240)
    assert command.returncode == 0, errors
    read, new, corrected, unchanged, refused = (int(n.replace(",", "")) for n in output.splitlines()[1].split()[1:])
    assert (read, [corrected, refused]) == (trades, NOTHING_ELSE)
    return {"new": new, "unchanged": unchanged}


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND backend_type = 'client backend'"
        )
        count: int = cursor.fetchone()[0]
    return count == 1
