"""The planted story: a bot with a known edge, from its first recorded trade to the day on which it is looked at.

Thirteen weeks are recorded first. Then, week by week, the chapters: learn, propose and review, trade, and what acts by
itself when an edge ends. No decision uses anything that was not known at its time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from config.demo.bot import Bot, Plan
from config.demo.own_database import HISTORY, INSTALLED, has_run, note_done, refuse_others
from config.demo.people import create_people
from config.demo.planted.chapters import EVERY_WEEK
from config.demo.planted.chapters.ending import ending
from config.demo.planted.generator import planted_trades
from config.demo.planted.payloads import payload_of
from config.demo.planted.stage import RECORDED_FIRST, WEEK, Calendar, Stage
from config.demo.queue import step, wait_for_worker
from telemetry.audit.simulated_time import time_simulated
from telemetry.foundation.models import JobRun

JOB = "planted demo"


def run_planted_demo(*, now: datetime, credentials: Path | None) -> bool:
    """Run the story; return False, without changing anything, if it has run before.

    Raises DatabaseInUse, before anything is written, if the database holds other data or its pages do not say that this
    is the planted demo.
    """
    refuse_others(JOB, is_planted=True)
    people = create_people(lambda: datetime.now(UTC), credentials)
    if has_run(JOB):
        return False
    wait_for_worker()
    calendar = calendar_of(now)
    plans = [Plan(payload_of(each), each.closed_at) for each in planted_trades(calendar.start)]
    bot = Bot(plans)
    with time_simulated("the planted demo replays fourteen months"):
        with step("recording the first thirteen weeks"):
            bot.report(calendar.start + RECORDED_FIRST * WEEK)
        for number, since in enumerate(calendar.weeks()):
            with step(f"{since:%Y-%m-%d}: a week"):
                for chapter in EVERY_WEEK:
                    chapter(Stage(calendar, bot, people, number, since))
        with step("learning from everything, for the person at the screen"):
            ending(calendar.end)
    note_done(JOB, HISTORY, now)
    return True


def calendar_of(now: datetime) -> Calendar:
    """Return the story's dates, as fixed at the first installation."""
    run = JobRun.objects.filter(job=JOB, period=INSTALLED).first() or note_done(JOB, INSTALLED, now)
    return Calendar.before(run.started_at.astimezone(UTC))
