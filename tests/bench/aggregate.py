"""The cost of new facts in cells: a trade in a large group, and a catch-up whose groups together pass the cell budget.

*One trade* is recorded into a group of 10,000 and of 100,000 outcomes with the eight dimensions that pm learns from,
and aggregated. Reported are the CPU seconds of this process (the worker), those of PostgreSQL's backend apart, the
write-ahead log, and the cells written; a full count of the same group in the same run is the comparison. The log is
measured as it comes and directly after a checkpoint, when PostgreSQL logs each page that is written to as a whole.

*The catch-up* has twenty groups, each within the budget and together beyond it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from learning.lessons.aggregate import aggregate_dirty
from learning.models import Cell
from telemetry.models import DirtyGroup
from telemetry.recording.record_trades import record_trades
from tests.bench import refresh
from tests.bench.report import scratch_database, timed
from tests.bench.worlds import NOW, group_name, world

BENCH = "aggregate"
SIZES = (10_000, 100_000)
TRADES = 9
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """CPU seconds of this process and of its backend, bytes of log, and cells written."""

    worker: float
    backend: float
    wall: float
    wal: float
    cells: int


def cost(work: Callable[[], object]) -> Cost:
    log, written, backend = _log_position(), _cells_written(), _backend_cpu()
    seconds = timed(work)
    return Cost(seconds.cpu, _backend_cpu() - backend, seconds.wall, _log_position() - log, _cells_written() - written)


def one_trade(outcomes: int, trades: int = TRADES) -> None:
    everything = world(outcomes, groups=[0])
    refresh.store(everything)
    group = dict(zip(("module", "pattern_key", "action_category"), group_name(0), strict=True))

    def count_all() -> None:
        DirtyGroup.objects.create(**group, marked_at=NOW)
        aggregate_dirty(now=NOW)

    aggregate_dirty(now=NOW)
    full = cost(count_all)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    taken = []
    for number, trade in enumerate(world(2 * trades, seed=outcomes, groups=[0]).trades(f"new-{outcomes}")):
        record_trades([trade], now=NOW)
        if number % 2 == 0:
            with connection.cursor() as cursor:
                cursor.execute("CHECKPOINT")
        taken.append(cost(lambda: aggregate_dirty(now=NOW)))
    print(full)
    print(*taken, sep="\n")


def _log_position() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
        return float(cursor.fetchone()[0])


def _cells_written() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(
            "SELECT n_tup_ins + n_tup_upd FROM pg_stat_user_tables WHERE relname = %s", [Cell._meta.db_table]
        )
        return int(cursor.fetchone()[0])


def _backend_cpu() -> float:
    """Return the CPU seconds that the backend of this connection has spent so far."""
    fields = Path(f"/proc/{connection.connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    with scratch_database():
        for s in sys.argv[1:]:
            one_trade(int(s))
