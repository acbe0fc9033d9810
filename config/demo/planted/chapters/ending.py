"""The ending: learn once more from everything, and leave what is proposed to the person at the screen."""

from __future__ import annotations

from datetime import datetime, timedelta

from config.demo.planted.chapters.learn import METHOD, MODULE
from config.demo.queue import run_jobs
from config.demo.reviews import compute_effects


def ending(at: datetime) -> None:
    """Build the cells and lessons of the last day, propose, score, and compute what the proposal would change."""
    named = {"module": MODULE}
    run_jobs([("aggregate pm", "learning.aggregate", timedelta(minutes=5), named)], now=at)
    run_jobs([("build pm evidence", "learning.build", timedelta(hours=1), named | {"policy": METHOD.value})], now=at)
    run_jobs([("materialize pm", "learning.materialize", timedelta(days=1), named)], now=at)
    run_jobs([("score", "overrides.score", timedelta(minutes=15), {})], now=at)
    compute_effects(at)
