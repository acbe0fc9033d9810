"""The evidence of tuning levers, measured once for each closed day of a module and stored.

There is one row for each module, day, parameters and code; an equal request returns the same row. Facts that arrive
late for a day that was measured count from the next day on. Builds propose what the newest row supports.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction

from learning.models import LeverAlternative, LeverRun
from learning.readers.lever_sources import load_lever_sources
from learning.readers.trade_deltas import MODULE
from learning.validation.measured_lever import measure_lever
from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.versions.load_version import current_parameters
from telemetry.foundation.background_results import BackgroundComputation, Progress

CODE = "levers 2"  # increment it with every change of what is measured
FOLDS = 8
TASK = "learning.levers"
TAKEN_OVER_AFTER = timedelta(minutes=5)  # without a heartbeat; there is one for every fold
# If facts cannot be fitted, the message says what to do: a result, not an error.
LEVER_RUNS = BackgroundComputation(LeverRun, TASK, TAKEN_OVER_AFTER, expected_errors=ValueError, error_text=str)


@transaction.atomic
def request_levers(*, module: str, now: datetime) -> list[LeverRun]:
    """Return the row of the last closed day at once; a task is sent if it is new, failed or abandoned.

    Modules without tuning levers have none.
    """
    return [LEVER_RUNS.request(*each, now=now) for each in _requested_rows(module, now)]


def measure_levers(*, module: str, now: datetime) -> list[LeverRun]:
    """Return the row of the last closed day, measuring it here if it is new."""
    rows = [LEVER_RUNS.find_or_create(*each, now=now)[0] for each in _requested_rows(module, now)]
    for row in rows:
        run_levers(row.key, now=now)
        row.refresh_from_db()
    return rows


def run_levers(key: str, *, now: datetime) -> None:
    """Measure the levers of a row; if two workers try, only one computes."""
    LEVER_RUNS.run(key, _measure, now=now)


def _requested_rows(module: str, now: datetime) -> list[tuple[str, dict[str, Any]]]:
    """Return the key and the fields of the row of the last closed day."""
    if module != MODULE:
        return []
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    document = current_parameters(module).to_document()
    fields = {"module": module, "as_of": midnight, "folds": FOLDS, "parameters": document, "code_version": CODE}
    return [(content_hash([CODE, module, midnight.isoformat(), document]), fields)]


def _measure(row: LeverRun, progress: Progress) -> dict[str, Any]:
    """Measure each lever by each source that tells of it, and store a row for each of its alternatives."""
    parameters = ModuleParameters.from_document(row.module, row.parameters)
    sources = load_lever_sources(parameters.learned_from, row.as_of)
    levers: dict[str, dict[str, Any]] = {}
    lines: list[dict[str, Any]] = []
    rows: list[LeverAlternative] = []
    for number, each in enumerate(sources):
        report = partial(_part, progress, number, len(sources))
        found = measure_lever(each, row.as_of, row.folds, parameters, report)
        levers.setdefault(each.lever.name, {})[each.source.value] = found.document
        lines += [line.to_document() for line in found.lines]
        rows += found.rows
    for alternative in rows:
        alternative.run = row
    with transaction.atomic():
        LeverAlternative.objects.filter(run=row).delete()  # of an attempt that was given up
        LeverAlternative.objects.bulk_create(rows)
    return {"levers": levers, "lines": lines}


def _part(progress: Progress, done: int, of: int, share: float) -> None:
    """Report the progress of one of several measurements."""
    progress((done + share) / of)
