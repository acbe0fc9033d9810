"""Keep the books: what the whole earned."""

from __future__ import annotations

from datetime import timedelta

from config.demo.planted.stage import Stage
from config.demo.queue import run_jobs

JOBS = (("earned", "overrides.earned", timedelta(minutes=15)),)  # each reads what those before it wrote


def keep_books(stage: Stage) -> None:
    """Do so at the end of the week."""
    for job, task, every in JOBS:
        run_jobs([(job, task, every, {})], now=stage.until)
