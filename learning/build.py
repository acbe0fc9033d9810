"""The plan's lesson builder: a run of one policy over a module, from its search to its rows."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from learning.build_evidence import find_evidence_lessons
from learning.build_plan import find_plan_lessons
from learning.found import Search
from learning.models import BuilderRun
from learning.write_lessons import write_run
from overrides.core.module import ModuleParameters
from overrides.core.vocabulary import Policy
from overrides.load import current_parameters


@transaction.atomic
def build_lessons(*, module: str, now: datetime, policy: Policy = Policy.PLAN) -> BuilderRun:
    """Build a module's lessons under a policy; those of that policy that no longer qualify are withdrawn.

    Rebuilding from the same facts gives the same lessons and targets; under policy evidence, at the same `now`. Runs of
    a module queue behind one lock. Raises BudgetExceeded, with all as it was, where a fit would hold too much.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"build {module}"])
    parameters = current_parameters(module)
    search = _search(module, policy, parameters, now)
    return write_run(module=module, policy=policy, parameters=parameters, search=search, now=now)


def _search(module: str, policy: Policy, parameters: ModuleParameters, now: datetime) -> Search:
    if policy is Policy.EVIDENCE:
        return find_evidence_lessons(module, parameters, now)
    return find_plan_lessons(module, parameters)
