"""The lesson builder: one run of a learning method over a module, from its search to the stored lessons."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection, transaction

from learning.lessons.build_inputs import has_marks, inputs_of
from learning.lessons.methods import METHODS
from learning.lessons.write_lessons import write_run
from learning.models import BuilderRun
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.versions.load_version import current_parameters
from telemetry.foundation.job_runs import Done


@transaction.atomic
def build_lessons(*, module: str, now: datetime, policy: LearningMethod = LearningMethod.PLAN) -> BuilderRun:
    """Build a module's lessons with a learning method; its lessons that no longer qualify are withdrawn.

    The same facts give the same lessons and targets; with the evidence method, for the same `now`. Runs of a module
    wait for one lock. Raises BudgetExceeded, with everything unchanged, if a fit would hold too much.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"build {module}"])
    parameters = current_parameters(module)
    inputs = inputs_of(parameters, policy, now)
    search = METHODS[policy].search(module, parameters, now)
    return write_run(module=module, policy=policy, parameters=parameters, inputs=inputs, search=search, now=now)


def build_due(*, module: str, policy: LearningMethod, now: datetime) -> Done:
    """Build, unless nothing is new since the last run; its rows are the acting lessons, 0 if nothing was built."""
    standing = standing_run(module, policy, now)
    if standing is None:
        return Done(build_lessons(module=module, policy=policy, now=now).n_active)
    BuilderRun.objects.filter(pk=standing.pk).update(confirmed_at=now)
    return Done(0, {"nothing new since run": standing.pk})


def standing_run(module: str, policy: LearningMethod, now: datetime) -> BuilderRun | None:
    """Return the last run if a run at `now` would read the same and give the same lessons; otherwise None.

    Lessons of a method that ages also change with the UTC date. Those of the plan method do not: a target moves on the
    days on which trades closed, however late it is computed.
    """
    runs = BuilderRun.objects.filter(module=module, policy=policy, as_of__lte=now)
    last = runs.only("as_of", "inputs").first()
    if last is None or has_marks(module):
        return None
    if METHODS[policy].ages and last.as_of.astimezone(UTC).date() != now.astimezone(UTC).date():
        return None
    return last if last.inputs == inputs_of(current_parameters(module), policy, now) else None
