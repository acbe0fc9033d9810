"""How long keeping and reading what was earned takes with many trades: `./dev bench earned --trades 100000`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from django.db import connection

from overrides.monitoring.earning.earned import earned, earned_by_book
from overrides.monitoring.earning.holdback import holdback_contrast, refresh_holdback
from overrides.monitoring.earning.refresh_earned import refresh_earned
from telemetry.audit.simulated_time import allow_simulated_time
from telemetry.models import Trade
from telemetry.recording.record_trades import record_trades
from tests.bench.report import figure, scratch_database, timed
from tests.builders import NOW, make_trade, set_mode

BENCH = "earned"
SQL = Path(__file__).with_name("earned.sql")


def tables(trades: int) -> None:
    """Print the seconds of a refresh of all days and of one changed day, and of what the page reads."""
    with scratch_database():
        allow_simulated_time("a bench of two years")
        measure(trades)


def measure(trades: int) -> None:
    """Fill the tables of this database and measure."""
    for module in ("dm", "pm"):
        set_mode("on", module=module, at=NOW - timedelta(days=731))
    with connection.cursor() as cursor:
        cursor.execute(SQL.read_text(encoding="utf-8"), {"now": NOW, "trades": trades})
        cursor.execute("ANALYZE")
    held_back = timed(lambda: refresh_holdback(now=NOW))
    whole = timed(lambda: refresh_earned(now=NOW, everything=True))
    record_trades([make_trade("one more")], now=NOW)
    seconds = {
        "refresh of the holdback": held_back,
        "refresh of all days": whole,
        "refresh of the days of one trade": timed(lambda: refresh_earned(now=NOW)),
        "sums read of all modules and books": timed(earned_by_book),
        "sums read of one module": timed(lambda: earned("pm")),
        "contrast read of the holdback": timed(holdback_contrast),
    }
    for name, each in seconds.items():
        figure(BENCH, name, each.wall, "s", cpu=round(each.cpu, 3), trades=Trade.objects.count())
