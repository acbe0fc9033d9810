"""One call each; the beat table in `config.celery` says when."""

from __future__ import annotations

from datetime import datetime, timedelta

from celery import shared_task

from learning.coefficients.coefficient_memory import update_coefficients
from learning.core.evidence_method.blocks import BudgetExceeded
from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_due
from learning.lessons.build_evidence import Unlearnable
from learning.lessons.methods import METHODS
from learning.models import BuilderRun, NoiseTwin
from learning.proposals.materialize import materialize, publish_what_mandates_cover
from learning.validation.noise_twin_runs import ask_twins, count_twins, run_twin
from learning.validation.walk_forward_runs import ask_walk_forward, run_walk_forward
from overrides.core.engine.definitions.vocabulary import LearningMethod
from telemetry.foundation.core.refusal import Refused
from telemetry.foundation.job_runs import run_once
from telemetry.tasks import moment_of_task


@shared_task(name="learning.aggregate")
def aggregate_task(*, module: str, now: str | None = None, **_: object) -> None:
    """Rebuild the cells of a module's groups with new facts."""
    at = moment_of_task(now)
    run_once(
        f"aggregate {module}",
        now=at,
        every=timedelta(minutes=5),
        work=lambda: aggregate_dirty(module=module, now=at),
    )


@shared_task(name="learning.aggregate_soon")
def aggregate_soon_task(*, module: str, now: str | None = None, **_: object) -> None:
    """The same between two beats, because trades came; their marks make a second delivery do nothing."""
    aggregate_dirty(module=module, now=moment_of_task(now))


@shared_task(name="learning.coefficients")
def coefficients_task(*, now: str | None = None, **_: object) -> None:
    """Remember the allocations of trades that came or went, and weigh their values as of now."""
    at = moment_of_task(now)
    run_once("coefficients", now=at, every=timedelta(minutes=5), work=lambda: update_coefficients(now=at))


@shared_task(name="learning.coefficients_soon")
def coefficients_soon_task(*, now: str | None = None, **_: object) -> None:
    """The same between two beats, because trades came; their marks make a second delivery do nothing."""
    update_coefficients(now=moment_of_task(now))


@shared_task(name="learning.build")
def build_task(*, module: str, policy: str = LearningMethod.PLAN, now: str | None = None, **_: object) -> None:
    """Build a module's lessons under a policy; what cannot be fitted is a failed run that says what to do."""
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
    """Draft the day's request of a module."""
    at = moment_of_task(now)
    run_once(
        f"materialize {module}",
        now=at,
        every=timedelta(days=1),
        work=lambda: 0 if materialize(module=module, now=at) is None else 1,
    )


@shared_task(name="learning.publish_within_mandates")
def publish_within_mandates_task(*, module: str, now: str | None = None, **_: object) -> None:
    """Publish what the mandates on a module's lines cover of its lessons."""
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
    """Count the lessons that the module's pipeline finds in permuted outcomes; the count is the run's rows."""
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
    """Compute the twin that somebody asked for, unless it is done or another worker is at it."""
    run_twin(key, now=moment_of_task(now))


@shared_task(name="learning.walk_forward")
def walk_forward_task(*, key: str, now: str | None = None, **_: object) -> None:
    """Compute the walk that somebody or the beat asked for, unless it is done or another worker is at it."""
    run_walk_forward(key, now=moment_of_task(now))


@shared_task(name="learning.validate")
def validate_task(*, module: str, now: str | None = None, **_: object) -> None:
    """Ask for what tells edge from noise, one task each: a module's walks, and the twins of policies that have run.

    What was computed of the same facts is not computed again.
    """
    at = moment_of_task(now)
    run_once(
        f"validate {module}",
        now=at,
        every=timedelta(days=1),
        work=lambda: len(ask_walk_forward(module=module, now=at)) + len(_twins_asked(module, at)),
    )


def _job(what: str, module: str, policy: str) -> str:
    """The name of a job of one method; that of the default method names no method, as before there was another."""
    return f"{what} {module}" if METHODS[LearningMethod(policy)].default else f"{what} {module} {policy}"


def _twins_asked(module: str, at: datetime) -> list[NoiseTwin]:
    ran = BuilderRun.objects.filter(module=module).order_by().values_list("policy", flat=True).distinct()
    return [twin for policy in ran for twin in ask_twins(module=module, policy=LearningMethod(policy), now=at)]
