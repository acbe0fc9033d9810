"""Watch: the monitor looks at every line in force and disables what stopped working; mandates lapse with evidence."""

from __future__ import annotations

from datetime import timedelta

from config.demo.planted.stage import Stage
from config.demo.queue import run_jobs

JOBS = (
    ("monitor", "overrides.monitor", timedelta(minutes=15)),
    ("lapse mandates", "overrides.lapse_mandates", timedelta(days=1)),
)


def watch(stage: Stage) -> None:
    """Let both act at the end of the week, by themselves and without a person."""
    for job, task, every in JOBS:
        run_jobs([(job, task, every, {})], now=stage.until)
