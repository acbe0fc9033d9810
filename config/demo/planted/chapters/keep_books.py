"""Keep the books: what the whole earned, which lines were met, and the report of the week that has ended."""

from __future__ import annotations

from datetime import timedelta

from config.demo.planted.stage import Stage
from config.demo.queue import run_jobs

JOBS = (  # one after the other, as each reads what those before it wrote
    ("earned", "overrides.earned", timedelta(minutes=15)),
    ("line use", "overrides.line_use", timedelta(days=1)),
    ("weekly report", "reports.weekly_report", timedelta(days=7)),
)


def keep_books(stage: Stage) -> None:
    """Do so at the end of the week."""
    for job, task, every in JOBS:
        run_jobs([(job, task, every, {})], now=stage.until)
