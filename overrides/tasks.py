"""Celery tasks of overrides, one call each; the schedule is in `config.celery`."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from overrides.monitoring.earning.refresh_earned import refresh_earned
from overrides.monitoring.replaying.challenger import run_comparison
from overrides.monitoring.replaying.replay import replay_nightly
from overrides.monitoring.scoring.scorecards import JOB, score
from overrides.monitoring.unmet.line_use import count_use
from overrides.monitoring.watching.lapse import lapse_mandates
from overrides.monitoring.watching.monitor import monitor
from overrides.requests.apply import apply_due, expire_requests
from overrides.requests.impact.effects import request_effects
from overrides.requests.impact.what_if import run_what_if
from overrides.requests.staleness import refresh_health
from telemetry.audit.alarms import REPLAY
from telemetry.audit.nightly_check import run_check
from telemetry.foundation.job_runs import run_in_parts, run_once
from telemetry.tasks import moment_of_task


@shared_task(name="overrides.publish_due")
def publish_due_task(*, now: str | None = None, **_: object) -> None:
    """Apply the requests that are due, expire those that nobody decided in time, and refresh the others' staleness."""
    at = moment_of_task(now)
    run_once(
        "publish due",
        now=at,
        every=timedelta(minutes=1),
        work=lambda: apply_due(now=at) + expire_requests(now=at) + refresh_health(now=at),
    )


@shared_task(name="overrides.request_effects")
def request_effects_task(*, now: str | None = None, **_: object) -> None:
    """Request the effect on exposure of every submitted request that has none yet."""
    at = moment_of_task(now)
    run_once("request effects", now=at, every=timedelta(minutes=1), work=lambda: request_effects(now=at))


@shared_task(name="overrides.monitor")
def monitor_task(*, now: str | None = None, **_: object) -> None:
    """Count the trades of the lines in force, disable those that stopped working, and guard the modules."""
    at = moment_of_task(now)
    run_in_parts("monitor", now=at, every=timedelta(minutes=15), work=lambda: monitor(now=at))


@shared_task(name="overrides.lapse_mandates")
def lapse_mandates_task(*, now: str | None = None, **_: object) -> None:
    """End the mandates whose evidence lapsed."""
    at = moment_of_task(now)
    run_in_parts("lapse mandates", now=at, every=timedelta(days=1), work=lambda: lapse_mandates(now=at))


@shared_task(name="overrides.replay")
def replay_task(*, now: str | None = None, **_: object) -> None:
    """Replay a sample of decisions and verify stored hashes; a difference fails the run and raises an alarm."""
    at = moment_of_task(now)
    run_check(REPLAY, now=at, work=lambda: replay_nightly(now=at))


@shared_task(name="overrides.score")
def score_task(*, now: str | None = None, **_: object) -> None:
    """Compute the scorecards again if a trade was attributed or a request was decided since the last time."""
    at = moment_of_task(now)
    run_once(JOB, now=at, every=timedelta(minutes=15), work=lambda: score(now=at), of_one_moment=True)


@shared_task(name="overrides.earned")
def earned_task(*, now: str | None = None, **_: object) -> None:
    """Bring the sums of what positions earned, and what came of explored positions, up to date."""
    at = moment_of_task(now)
    run_once("earned", now=at, every=timedelta(minutes=15), work=lambda: refresh_earned(now=at))


@shared_task(name="overrides.what_if")
def what_if_task(*, key: str, now: str | None = None, **_: object) -> None:
    """Compute a requested what-if, unless it is done or another worker computes it."""
    run_what_if(key, now=moment_of_task(now))


@shared_task(name="overrides.compare_challenger")
def compare_challenger_task(*, key: str, now: str | None = None, **_: object) -> None:
    """Compute a requested challenger comparison, unless it is done or another worker computes it."""
    run_comparison(key, now=moment_of_task(now))


@shared_task(name="overrides.line_use")
def line_use_task(*, now: str | None = None, **_: object) -> None:
    """Count which lines, patterns and values the requests since the last run met."""
    at = moment_of_task(now)
    run_in_parts("line use", now=at, every=timedelta(days=1), work=lambda: count_use(now=at))
