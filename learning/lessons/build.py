"""The lesson builder: one run of a learning method over a module, from its search to the stored lessons."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection, transaction

from learning.lessons.methods import METHODS
from learning.lessons.run_strength import newest_strength
from learning.lessons.write_lessons import write_run
from learning.models import BuilderRun, CellGroup
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.versions.load_version import current_parameters
from telemetry.models import DirtyGroup


@transaction.atomic
def build_lessons(*, module: str, now: datetime, policy: LearningMethod = LearningMethod.PLAN) -> BuilderRun:
    """Build a module's lessons with a learning method; its lessons that no longer qualify are withdrawn.

    The same facts give the same lessons and targets; with the evidence method, for the same `now`. Runs of a module
    wait for one lock. Raises BudgetExceeded, with everything unchanged, if a fit would hold too much.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"build {module}"])
    parameters = current_parameters(module)
    search = METHODS[policy].search(module, parameters, now)
    return write_run(module=module, policy=policy, parameters=parameters, search=search, now=now)


def build_due(*, module: str, policy: LearningMethod, now: datetime) -> int:
    """Build unless the last run is current; return the number of acting lessons, 0 if nothing was built."""
    return 0 if is_current(module, policy, now) else build_lessons(module=module, policy=policy, now=now).n_active


def is_current(module: str, policy: LearningMethod, now: datetime) -> bool:
    """Return whether the last run of a method that ages has used all current facts, parameters, strength and the date.

    A group whose last trade was excluded leaves no trace here; it is noticed the next day. The plan method is never
    current: its runs are cheap, and its cells do not record when they changed.
    """
    if not METHODS[policy].ages:
        return False
    runs = BuilderRun.objects.filter(module=module, policy=policy, as_of__lte=now)
    last = runs.only("as_of", "parameters", "strength").first()
    if last is None or last.as_of.astimezone(UTC).date() != now.astimezone(UTC).date():
        return False
    has_new_facts = (
        DirtyGroup.objects.filter(module=module).exists()
        or CellGroup.objects.filter(module=module, aggregated_at__gte=last.as_of).exists()
    )
    if has_new_facts or last.parameters != current_parameters(module).to_document():
        return False
    strength = newest_strength(module, policy, now)
    return last.strength_id == (None if strength is None else strength.pk)
