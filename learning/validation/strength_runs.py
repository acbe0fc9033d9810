"""The strength of each learning method of a module, measured once for each closed day and stored.

There is one row for each module, method, day, parameters and code; an equal request returns the same row. Facts that
arrive late for a day that was measured count from the next day on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from learning.core.evidence_method.learn import FAMILIES, family_codes, family_name
from learning.core.significance.strength import Strength
from learning.core.walk_forward.outcome_columns import DECIDED
from learning.core.walk_forward.prequential import evidence_strength, plan_strength
from learning.lessons.methods import METHODS
from learning.models import MethodStrength
from learning.readers.group_columns import since_epoch
from learning.readers.observations import day_at, load_observations
from learning.readers.walk_trades import load_trades
from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import Combiner, LearningMethod
from overrides.versions.load_version import current_parameters
from telemetry.foundation.background_results import BackgroundComputation, Progress

CODE = "strength 1"  # increment it with every change of what is measured
TASK = "learning.strength"
TAKEN_OVER_AFTER = timedelta(minutes=15)  # without a heartbeat; measuring has none
# If facts cannot be fitted, the message says what to do: a result, not an error.
STRENGTHS = BackgroundComputation(MethodStrength, TASK, TAKEN_OVER_AFTER, expected_errors=ValueError, error_text=str)


@transaction.atomic
def request_strengths(
    *, module: str, methods: Sequence[LearningMethod] = tuple(LearningMethod), now: datetime
) -> list[MethodStrength]:
    """Return the rows of the last closed day at once; a task is sent for each that is new, failed or abandoned."""
    return [STRENGTHS.request(*each, now=now) for each in _requested_rows(module, methods, now)]


def measure_strengths(
    *, module: str, methods: Sequence[LearningMethod] = tuple(LearningMethod), now: datetime
) -> list[MethodStrength]:
    """Return the rows of the last closed day, measuring new ones here."""
    rows = [STRENGTHS.find_or_create(*each, now=now)[0] for each in _requested_rows(module, methods, now)]
    for row in rows:
        run_strength(row.key, now=now)
        row.refresh_from_db()
    return rows


def run_strength(key: str, *, now: datetime) -> None:
    """Measure the strength of a row; if two workers try, only one computes."""
    STRENGTHS.run(key, _measure, now=now)


def _requested_rows(module: str, methods: Sequence[LearningMethod], now: datetime) -> list[tuple[str, dict[str, Any]]]:
    """Return the key and the fields of each method's row."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    document = current_parameters(module).to_document()
    fields = {"module": module, "as_of": midnight, "parameters": document, "code_version": CODE}
    return [
        (content_hash([CODE, module, method, midnight.isoformat(), document]), fields | {"policy": method})
        for method in methods
    ]


def _measure(row: MethodStrength, progress: Progress) -> dict[str, Any]:
    """Return the strengths of a row's method."""
    parameters = ModuleParameters.from_document(row.module, row.parameters)
    found = MEASURES[LearningMethod(row.policy)](parameters, row.as_of)
    return {"strengths": {name: None if each is None else each.to_document() for name, each in found.items()}}


def _of_evidence(parameters: ModuleParameters, as_of: datetime) -> dict[str, Strength | None]:
    """Return the strength of each family, from the facts known by then."""
    module = parameters.module
    loaded = load_observations(module, parameters.learned_from, as_of)
    families = family_codes(module, loaded.categories)
    found = evidence_strength(loaded.observations, families, day_at(as_of), parameters.evidence)
    return {family_name(family): each for family, each in zip(FAMILIES[module], found, strict=True)}


def _of_plan(parameters: ModuleParameters, as_of: datetime) -> dict[str, Strength | None]:
    """Return the strength of the category whose size a walk-forward decides, under the combiner that serves it."""
    combiner = METHODS[LearningMethod.PLAN].walk_combiner(parameters) or Combiner.PLAN
    trades = load_trades(parameters, as_of)
    return {DECIDED[parameters.module]: plan_strength(trades, since_epoch(as_of), parameters, combiner)}


MEASURES: Mapping[LearningMethod, Callable[[ModuleParameters, datetime], dict[str, Strength | None]]] = {
    LearningMethod.EVIDENCE: _of_evidence,
    LearningMethod.PLAN: _of_plan,
}
