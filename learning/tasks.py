"""Celery tasks of learning, each one call; the beat table in `config.celery` schedules them."""

from __future__ import annotations

from datetime import datetime, timedelta

from celery import shared_task
from django.db import InterfaceError, OperationalError

from learning.coefficients.coefficient_evidence import measure_coefficients
from learning.coefficients.coefficient_memory import update_coefficients
from learning.core.evidence_method.blocks import BudgetExceeded
from learning.lessons.build import build_due
from learning.lessons.build_evidence import Unlearnable
from learning.lessons.methods import METHODS
from learning.lessons.shared_aggregation import aggregate_one, aggregate_shared
from learning.models import BuilderRun, NoiseTwin
from learning.proposals.materialize import materialize, publish_what_mandates_cover
from learning.readers.group_columns import PatternGroup
from learning.validation.lever_runs import request_levers, run_levers
from learning.validation.noise_twin_runs import count_twins, request_twins, run_twin
from learning.validation.published_evidence import check_published_evidence
from learning.validation.strength_runs import request_strengths, run_strength
from learning.validation.walk_forward_runs import request_walk_forward, run_walk_forward
from overrides.core.engine.definitions.vocabulary import LearningMethod
from telemetry.audit.alarms import EVIDENCE
from telemetry.audit.nightly_check import run_check
from telemetry.foundation.core.refusal import Refused
from telemetry.foundation.job_runs import run_in_parts, run_once
from telemetry.tasks import moment_of_task


@shared_task(name="learning.aggregate")
def aggregate_task(*, module: str, now: str | None = None, **_: object) -> None:
    """Bring the cells of the groups with new facts up to date, one by one, with the help of other workers."""
    at = moment_of_task(now)
    run_in_parts(
        f"aggregate {module}",
        now=at,
        every=timedelta(minutes=5),
        work=lambda: aggregate_shared(module=module, now=at),
    )


@shared_task(
    name="learning.aggregate_soon",
    autoretry_for=(OperationalError, InterfaceError),  # the beat would do it minutes after it is back
    retry_backoff=2,
    max_retries=5,
)
def aggregate_soon_task(*, module: str, now: str | None = None, **_: object) -> None:
    """Do the same between two scheduled runs, after new trades; duplicates have no effect, as marks are gone."""
    aggregate_shared(module=module, now=moment_of_task(now))


@shared_task(name="learning.aggregate_group")
def aggregate_group_task(
    *, module: str, pattern_key: str, action_category: str, now: str | None = None, **_: object
) -> None:
    """Bring the cells of one group up to date, unless another worker has done so or is about to."""
    aggregate_one(PatternGroup(module, pattern_key, action_category), now=moment_of_task(now))


@shared_task(name="learning.coefficients")
def coefficients_task(*, now: str | None = None, **_: object) -> None:
    """Update the coefficients with changed trades, weigh as of now, and measure the evidence of each weight hourly."""
    at = moment_of_task(now)
    run_once("coefficients", now=at, every=timedelta(minutes=5), work=lambda: _updated_coefficients(at))


@shared_task(
    name="learning.coefficients_soon",
    autoretry_for=(OperationalError, InterfaceError),  # the beat would do it minutes after it is back
    retry_backoff=2,
    max_retries=5,
)
def coefficients_soon_task(*, now: str | None = None, **_: object) -> None:
    """Do the same between two scheduled runs, after new trades; duplicates have no effect, as marks are gone."""
    update_coefficients(now=moment_of_task(now))


@shared_task(name="learning.build")
def build_task(*, module: str, policy: str = LearningMethod.PLAN, now: str | None = None, **_: object) -> None:
    """Build a module's lessons with a learning method; if the fit is refused, the failed run says what to do."""
    at = moment_of_task(now)
    run_once(
        _job("build", module, policy),
        now=at,
        every=timedelta(hours=1),
        work=lambda: build_due(module=module, policy=LearningMethod(policy), now=at),
        refusals=(BudgetExceeded, Unlearnable),
    )


@shared_task(name="learning.materialize")
def materialize_task(*, module: str, now: str | None = None, **_: object) -> None:
    """Draft the daily request of a module."""
    at = moment_of_task(now)
    run_once(
        f"materialize {module}",
        now=at,
        every=timedelta(days=1),
        work=lambda: 0 if materialize(module=module, now=at) is None else 1,
    )


@shared_task(name="learning.publish_within_mandates")
def publish_within_mandates_task(*, module: str, now: str | None = None, **_: object) -> None:
    """Publish the lessons of a module that mandates cover."""
    at = moment_of_task(now)
    run_once(
        f"publish within mandates {module}",
        now=at,
        every=timedelta(hours=1),
        work=lambda: 0 if publish_what_mandates_cover(module=module, now=at) is None else 1,
    )


@shared_task(name="learning.noise_twin")
def noise_twin_task(
    *, module: str, policy: str = LearningMethod.PLAN, seed: int = 1, now: str | None = None, **_: object
) -> None:
    """Count the lessons that the pipeline finds in permuted outcomes; the count is stored as the run's rows."""
    at = moment_of_task(now)
    run_once(
        _job("noise twin", module, policy),
        now=at,
        every=timedelta(minutes=1),
        work=lambda: sum(
            row.count or 0 for row in count_twins(module=module, policy=LearningMethod(policy), seeds=[seed], now=at)
        ),
        refusals=(Refused,),
    )


@shared_task(name="learning.twin")
def twin_task(*, key: str, now: str | None = None, **_: object) -> None:
    """Compute a requested noise twin, unless it is done or another worker computes it."""
    run_twin(key, now=moment_of_task(now))


@shared_task(name="learning.walk_forward")
def walk_forward_task(*, key: str, now: str | None = None, **_: object) -> None:
    """Compute a requested walk-forward run, unless it is done or another worker computes it."""
    run_walk_forward(key, now=moment_of_task(now))


@shared_task(name="learning.strength")
def strength_task(*, key: str, now: str | None = None, **_: object) -> None:
    """Measure a requested strength, unless it is done or another worker computes it."""
    run_strength(key, now=moment_of_task(now))


@shared_task(name="learning.levers")
def levers_task(*, key: str, now: str | None = None, **_: object) -> None:
    """Measure the levers of a requested row, unless it is done or another worker computes it."""
    run_levers(key, now=moment_of_task(now))


@shared_task(name="learning.validate")
def validate_task(*, module: str, now: str | None = None, **_: object) -> None:
    """Request a module's strengths, evidence of levers, walk-forward runs, and noise twins of the methods that have
    run, one task each.

    Results for the same facts are reused.
    """
    at = moment_of_task(now)
    run_once(
        f"validate {module}",
        now=at,
        every=timedelta(days=1),
        work=lambda: _request_validation(module, at),
    )


@shared_task(name="learning.check_published_evidence")
def check_published_evidence_task(*, now: str | None = None, **_: object) -> None:
    """Compare what was published under mandates with the builder's runs; a difference raises an alarm."""
    at = moment_of_task(now)
    run_check(EVIDENCE, now=at, work=lambda: check_published_evidence(now=at))


def _updated_coefficients(at: datetime) -> int:
    """Update and measure the coefficients; return the number of changed trades."""
    changed = update_coefficients(now=at)
    measure_coefficients(now=at)
    return changed


def _job(what: str, module: str, policy: str) -> str:
    """The name of a job of one method; that of the default method names no method, as before there was another."""
    return f"{what} {module}" if METHODS[LearningMethod(policy)].default else f"{what} {module} {policy}"


def _request_validation(module: str, at: datetime) -> int:
    """Request everything that is measured once a day, and return the number of rows."""
    strengths, walks = request_strengths(module=module, now=at), request_walk_forward(module=module, now=at)
    levers = request_levers(module=module, now=at)
    return len(strengths) + len(levers) + len(walks) + len(_request_twins(module, at))


def _request_twins(module: str, at: datetime) -> list[NoiseTwin]:
    """Request the noise twins of every method that has run."""
    ran = BuilderRun.objects.filter(module=module).order_by().values_list("policy", flat=True).distinct()
    return [twin for policy in ran for twin in request_twins(module=module, policy=LearningMethod(policy), now=at)]
