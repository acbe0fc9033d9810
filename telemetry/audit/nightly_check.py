"""Run a nightly check once a day, and raise an alarm about what it finds."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from telemetry.audit.alarms import CheckFailed, end_alarm, in_words, is_acknowledged, raise_alarm
from telemetry.foundation.job_runs import Done, run_once

logger = logging.getLogger(__name__)


def run_check(check: str, *, now: datetime, work: Callable[[], int | Done]) -> None:
    """Run the `work` of a check unless it is done for this day.

    It returns the number of rows, or `Done`, or raises CheckFailed. Findings fail the job run, are logged, and raise an
    alarm that lasts until a later run finds nothing. Findings that a person has acknowledged do not fail the run.
    Everything that `work` reads is as of one moment.
    """
    found: list[CheckFailed] = []

    def judged() -> int | Done:
        try:
            return work()
        except CheckFailed as failed:
            found.append(failed)
            if is_acknowledged(check, failed.findings):
                return failed.checked
            raise

    try:
        run = run_once(check, now=now, every=timedelta(days=1), work=judged, of_one_moment=True)
    except CheckFailed as failed:
        logger.error("%s found: %s", check, in_words(failed.findings))
        raise_alarm(check, failed.findings, at=datetime.now(UTC))
        raise
    if found:
        logger.warning("%s found what is acknowledged: %s", check, in_words(found[0].findings))
    elif run is not None:
        end_alarm(check, at=datetime.now(UTC))
