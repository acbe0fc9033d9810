"""Trade: the bot asks before each entry of the week and reports its closed trades, which are then attributed."""

from __future__ import annotations

from datetime import timedelta

from config.demo.planted.stage import Stage
from config.demo.queue import run_jobs


def trade(stage: Stage) -> None:
    """Answer the questions of the week at their own times, and report and attribute its trades at its end."""
    stage.bot.decide(stage.since, stage.until)
    stage.bot.report(stage.until)
    run_jobs([("attribute", "telemetry.attribute", timedelta(minutes=5), {})], now=stage.until)
