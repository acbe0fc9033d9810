"""What runs by itself at the end of a stretch of a story: the monitor, and the books of what the whole earned."""

from __future__ import annotations

from datetime import datetime, timedelta

from config.demo.queue import run_jobs

WATCHING = (
    ("monitor", "overrides.monitor", timedelta(minutes=15)),
    ("lapse mandates", "overrides.lapse_mandates", timedelta(days=1)),
)
BOOKS = (  # one after the other, as each reads what those before it wrote
    ("earned", "overrides.earned", timedelta(minutes=15)),
    ("line use", "overrides.line_use", timedelta(days=1)),
    ("weekly report", "reports.weekly_report", timedelta(days=7)),
)


def watch(at: datetime) -> None:
    """Let the monitor disable lines that stopped working, and let mandates lapse with their evidence."""
    _run(WATCHING, at)


def keep_books(at: datetime) -> None:
    """Sum what the whole earned, count which lines were met, and report the week that has ended."""
    _run(BOOKS, at)


def _run(jobs: tuple[tuple[str, str, timedelta], ...], at: datetime) -> None:
    for job, task, every in jobs:
        run_jobs([(job, task, every, {})], now=at)
