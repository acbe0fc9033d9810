"""The evidence of tuning levers, measured once for each closed day of a module and stored.

There is one row for each module, day, parameters and code; an equal request returns the same row. Facts that arrive
late for a day that was measured count from the next day on. Builds propose what the newest row supports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
from django.db import transaction

from learning.core.tuning.alternative_fit import MEAN_SD, AlternativeFit
from learning.core.tuning.lever_lines import Limits, lines_of
from learning.core.tuning.trade_deltas import TradeDeltas
from learning.core.walk_forward.lever_walk import LeverWalk, fits_at, walk_lever
from learning.models import LeverAlternative, LeverRun
from learning.readers.group_columns import since_epoch
from learning.readers.trade_deltas import MODULE, load_trade_deltas
from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import Channel
from overrides.versions.load_version import current_parameters
from telemetry.foundation.background_results import BackgroundComputation, Progress

CODE = "levers 1"  # increment it with every change of what is measured
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
    """Measure each lever that any trade tells of, and store a row for each of its alternatives."""
    parameters = ModuleParameters.from_document(row.module, row.parameters)
    trades = load_trade_deltas(parameters.learned_from, row.as_of)
    told = [name for name, deltas in trades.levers.items() if deltas.names]
    levers: dict[str, Any] = {}
    lines: list[dict[str, Any]] = []
    rows: list[LeverAlternative] = []
    for number, lever in enumerate(told):
        report = partial(_part, progress, number, len(told))
        walk = walk_lever(trades, lever, row.folds, parameters.evidence, report)
        fits = fits_at(trades, lever, since_epoch(row.as_of) + 1, parameters.evidence)
        found = lines_of(trades, LEVERS[lever], fits, _limits(parameters, walk))
        lines += [line.to_document() for line in found]
        levers[lever] = {
            "trades": int(trades.levers[lever].is_told.sum()),
            "verdict": walk.verdict.value,
            "walk": None if walk.gain is None else walk.gain.to_document(),
            "lines": len(found),
        }
        rows += _alternatives(row, lever, trades, fits, walk)
    with transaction.atomic():
        LeverAlternative.objects.filter(run=row).delete()  # of an attempt that was given up
        LeverAlternative.objects.bulk_create(rows)
    return {"levers": levers, "lines": lines}


def _limits(parameters: ModuleParameters, walk: LeverWalk) -> Limits:
    """Return what lines are found under, braked by the walk-forward."""
    brake = 1.0 if walk.gain is None else walk.gain.came_true
    return Limits(parameters.lessons, parameters.channels[Channel.PM_TUNING].weights, parameters.evidence, brake)


def _alternatives(
    row: LeverRun, lever: str, trades: TradeDeltas, fits: Mapping[str, AlternativeFit], walk: LeverWalk
) -> Iterator[LeverAlternative]:
    """Yield a row for each alternative that changes any trade; those that few trades tell of are believed nothing."""
    for name in trades.levers[lever].names:
        told = trades.observations(lever, name)
        if not told.outcome.any():
            continue
        found, part = fits.get(name), walk.parts.get(name)
        expected = None if found is None else found.of_all
        yield LeverAlternative(
            run=row,
            lever=lever,
            alternative=name,
            n=len(np.unique(told.cluster)),
            mean=float(told.outcome.mean()) if found is None else found.mean,
            gain=0.0 if expected is None else float(expected.gain[0]),
            sd=MEAN_SD if expected is None else float(expected.sd[0]),
            lfsr=0.5 if expected is None else float(expected.lfsr[0]),
            days=0.0 if found is None else found.days,
            chosen=0 if part is None else part.chosen,
            walk_gain=None if part is None else part.gain,
            walk_low=None if part is None else part.low,
            walk_high=None if part is None else part.high,
        )


def _part(progress: Progress, done: int, of: int, share: float) -> None:
    """Report the progress of one of several levers."""
    progress((done + share) / of)
