"""The demo run: eight months of market data replayed through the complete pipeline, including reviews.

Three months are recorded first. Then, period by period: learn from what is known, propose, review, publish, decide
every later action at its own time, report the trades, attribute, keep the books. At the end the monitor watches what is
in force. No decision uses a version that had seen its own trade.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User

from config.demo.backtest.closed_trades import demo_trades
from config.demo.bot import Bot, plan_of
from config.demo.episodes import demo_episodes, report_episodes
from config.demo.exploring import explore
from config.demo.market.archive import load
from config.demo.market.times import last_bar_end
from config.demo.own_database import HISTORY, INSTALLED, has_run, note_done, refuse_others
from config.demo.people import create_people
from config.demo.queue import run_jobs, step, wait_for_worker, wait_until
from config.demo.reviews import approve_all, compute_effects, draft, is_counting
from config.demo.shift_dates import shift, shifted
from config.demo.upkeep import keep_books, watch
from learning.models import LeverRun, MethodStrength, NoiseTwin, WalkForward
from learning.proposals.challenger_trial import draft_trial
from learning.validation.lever_runs import request_levers
from learning.validation.strength_runs import request_strengths
from learning.validation.walk_forward_runs import request_walk_forward
from overrides.core.engine.definitions.vocabulary import PAIRS, Combiner, LearningMethod
from overrides.models import Challenge, ModuleMode, Version
from overrides.monitoring.replaying.challenger import request_comparison
from overrides.serving.arms import POSITIONS
from overrides.versions.load_version import current_parameters
from telemetry.audit.simulated_time import time_simulated
from telemetry.foundation.models import JobRun

RECORDED_FIRST = timedelta(weeks=13)
PERIOD = timedelta(weeks=6)
RESCALED_AFTER = 2  # periods with the default lesson_edge_scale of 20 before a reviewer changes it to 1
RESCALED_TO = 1.0
EXPLORED_AFTER = 1  # periods that are served before a lever is explored
PATIENCE_SECONDS = 60.0  # for the budget's consent: no bot waits, so a busy machine leaves out no position
MODULES = ("dm", "pm")
JOB = "demo"

RESCALE_REASON = (
    "At an edge scale of 20 an edge of 1 R moves a target by 0.1 % a day: five months of evidence have moved the "
    "levers by a few per cent at most. At 1 the same edge moves them by 2 % a day, inside the same bounds and steps."
)
EVIDENCE = {"policy": LearningMethod.EVIDENCE.value}
TRIAL_REASON = "See what the evidence method would answer and earn before anybody is served by it."
ON_REASON = "The first version is reviewed: serve it, so that what it earns can be measured."


@dataclass(frozen=True)
class Calendar:
    """The demo's dates: whole weeks after those of the source, fixed at the first installation."""

    moved_by: timedelta
    first: datetime
    last: datetime

    def periods(self) -> Iterator[tuple[datetime, datetime]]:
        """Yield the periods after the months recorded first; the last one ends with the data."""
        since = self.first + RECORDED_FIRST
        while since < self.last:
            yield since, min(since + PERIOD, self.last)
            since += PERIOD


def run_demo(*, now: datetime, credentials: Path | None) -> bool:
    """Run the demo; return False, without changing anything, if it has run before.

    Raises DatabaseInUse, before anything is written, if the database contains other trades, requests or versions.
    """
    refuse_others(JOB)
    people = create_people(lambda: datetime.now(UTC), credentials)
    if has_run(JOB):
        return False
    with step("replaying the textbook rules on real bars"):
        bars = load()
        payloads = demo_trades(bars)
    wait_for_worker()
    calendar = _calendar(payloads, last_bar_end(bars), now)
    with step("replaying gates on the same bars"):
        episodes = demo_episodes(bars, calendar.moved_by)
    bot = Bot([plan_of(shifted(payload, calendar.moved_by)) for payload in payloads])

    POSITIONS.patience_seconds = PATIENCE_SECONDS
    with time_simulated("the demo replays eight months"):
        with step("recording the first three months"):
            bot.report(calendar.first + RECORDED_FIRST)
            report_episodes(episodes, None, calendar.first + RECORDED_FIRST)
        for number, (since, until) in enumerate(calendar.periods()):
            if number == RESCALED_AFTER:
                _rescale(people, since)
            if number == EXPLORED_AFTER:
                explore(people, since)
            _run_period(bot, people, since, until)
            report_episodes(episodes, since, until)
        _learn_at_the_end(calendar.last)
        with step("watching what is in force"):
            watch(calendar.last)  # not before: what the monitor proposes about coefficients waits for a person
        _compare(calendar)
    note_done(JOB, HISTORY, now)
    return True


def _run_period(bot: Bot, people: dict[str, User], since: datetime, until: datetime) -> None:
    with step(f"{since:%Y-%m-%d}: learning from what is known"):
        _learn(since)
    approve_all(people["reviewer"], since)
    _switch_on(people, since)
    _try_evidence(people, since)
    with step(f"{since:%Y-%m-%d}: deciding, reporting and attributing until {until:%Y-%m-%d}"):
        bot.decide(since, until)
        bot.report(until)
        run_jobs([("attribute", "telemetry.attribute", timedelta(minutes=5), {})], now=until)
    with step(f"{until:%Y-%m-%d}: keeping the books"):
        keep_books(until)


def _learn(at: datetime) -> None:
    run_jobs([(f"aggregate {m}", "learning.aggregate", timedelta(minutes=5), {"module": m}) for m in MODULES], now=at)
    run_jobs([("coefficients", "learning.coefficients", timedelta(minutes=5), {})], now=at)
    run_jobs([(f"build {m}", "learning.build", timedelta(hours=1), {"module": m}) for m in MODULES], now=at)
    evidence = {"policy": "evidence"}
    run_jobs(
        [(f"build {m} evidence", "learning.build", timedelta(hours=1), {"module": m} | evidence) for m in MODULES],
        now=at,
    )
    mandated = "learning.publish_within_mandates"
    run_jobs([(f"publish within mandates {m}", mandated, timedelta(hours=1), {"module": m}) for m in MODULES], now=at)
    run_jobs([(f"materialize {m}", "learning.materialize", timedelta(days=1), {"module": m}) for m in MODULES], now=at)


def _learn_at_the_end(at: datetime) -> None:
    """Learn once more at the end, leave the proposals to the person at the screen, and count noise twins.

    What is learned is braked by the strengths of then, and what is proposed is stored with the walk-forward of then, so
    that both are computed first.
    """
    run_jobs([("score", "overrides.score", timedelta(minutes=15), {})], now=at)
    with step("walking forward: what each method would have earned, and how much of what it believed came true"):
        for module in MODULES:
            request_strengths(module=module, now=at)
            request_levers(module=module, now=at)
            request_walk_forward(module=module, now=at)
        counted = (WalkForward, MethodStrength, LeverRun)
        wait_until(lambda: not any(map(is_counting, counted)), "walks, strengths and levers")
    with step("learning from everything, and from its noise twin"):
        _learn(at)
        compute_effects(at)
        run_jobs(
            [(f"noise twin {m}", "learning.noise_twin", timedelta(minutes=1), {"module": m}) for m in MODULES], now=at
        )
    with step("dealing the outcomes anew"):
        run_jobs([(f"validate {m}", "learning.validate", timedelta(days=1), {"module": m}) for m in MODULES], now=at)
        wait_until(lambda: not (is_counting(WalkForward) or is_counting(NoiseTwin)), "walks and twins")


def _switch_on(people: dict[str, User], at: datetime) -> None:
    is_on = set(ModuleMode.objects.filter(mode=ModuleMode.Mode.ON).values_list("module", flat=True))
    for module in sorted(set(MODULES) - is_on):
        title = f"Switch {module} on"
        draft(people["author"], at, module=module, kind="mode", title=title, reason=ON_REASON, content={"mode": "on"})
    approve_all(people["reviewer"], at)


def _try_evidence(people: dict[str, User], at: datetime) -> None:
    """Start a trial of what the evidence method has learned so far, logged beside the live version."""
    builds = [(f"build {m} evidence", "learning.build", timedelta(hours=1), EVIDENCE | {"module": m}) for m in MODULES]
    run_jobs(builds, now=at)
    for version in Version.objects.filter(is_active=True).order_by("module"):
        module = version.module
        choices = {
            channel: (LearningMethod.EVIDENCE, Combiner.EVIDENCE)
            for channel in current_parameters(module).channels
            if Combiner.EVIDENCE in PAIRS[channel, LearningMethod.EVIDENCE]
        }
        draft_trial(module=module, choices=choices, author=people["author"], reason=TRIAL_REASON, at=at)
    approve_all(people["reviewer"], at)


def _compare(calendar: Calendar) -> None:
    with step("comparing what is live with the challenger"):
        comparisons = [
            request_comparison(module=m, since=calendar.first, until=calendar.last, now=calendar.last) for m in MODULES
        ]
        done = Challenge.objects.filter(pk__in=[row.pk for row in comparisons], status=Challenge.Status.DONE)
        wait_until(lambda: done.count() == len(comparisons), "the comparison with the challenger")


def _rescale(people: dict[str, User], at: datetime) -> None:
    for module in MODULES:
        parameters = current_parameters(module)
        if parameters.lessons.lesson_edge_scale != RESCALED_TO:
            rescaled = replace(parameters, lessons=replace(parameters.lessons, lesson_edge_scale=RESCALED_TO))
            title = f"Edge scale of the movement of {module}: 20 to 1"
            draft(
                people["author"],
                at,
                module=module,
                kind="parameters",
                title=title,
                reason=RESCALE_REASON,
                content=rescaled.to_document(),
            )
    approve_all(people["reviewer"], at)


def _calendar(payloads: list[dict[str, Any]], end: datetime, now: datetime) -> Calendar:
    """Return the demo's dates, as fixed at the first installation."""
    run = JobRun.objects.filter(job=JOB, period=INSTALLED).first() or note_done(JOB, INSTALLED, now)
    moved_by = shift(end, run.started_at)
    first = min(datetime.fromisoformat(payload["opened_at"]) for payload in payloads)
    return Calendar(moved_by, first.astimezone(UTC) + moved_by, end + moved_by)
