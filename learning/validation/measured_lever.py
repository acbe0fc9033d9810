"""One lever measured by one source: its walk-forward, what would be proposed, and a row for each alternative."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from learning.core.tuning.alternative_fit import MEAN_SD, AlternativeFit
from learning.core.tuning.gate_simulation import GateChange, means_of_units
from learning.core.tuning.lever_lines import LeverLine, Limits, lines_of
from learning.core.walk_forward.lever_walk import LeverWalk, Progress, fits_at, walk_lever
from learning.models import LeverAlternative
from learning.readers.group_columns import since_epoch
from learning.readers.lever_sources import LeverSource
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import Channel


@dataclass(frozen=True, eq=False)
class MeasuredLever:
    """What was measured, as it is stored; `rows` have no run yet."""

    document: dict[str, Any]
    lines: tuple[LeverLine, ...]
    rows: tuple[LeverAlternative, ...]


def measure_lever(
    each: LeverSource, as_of: datetime, folds: int, parameters: ModuleParameters, progress: Progress
) -> MeasuredLever:
    """Measure a lever by what was known at `as_of`. Raises as `walk_lever` and `lines_of` do.

    Of a gate only candidates are judged, in each fold those of then (docs/method.md 14.4).
    """
    lever, told, moment = each.lever.name, each.told, since_epoch(as_of) + 1
    admitted = None if each.gate is None else each.gate.candidates_before
    walk = walk_lever(told, lever, folds, parameters.evidence, progress, admitted)
    fits = fits_at(told, lever, moment, parameters.evidence, admitted)
    lines = tuple(_with_source(line, each) for line in lines_of(told, each.lever, fits, _limits(parameters, walk)))
    document = {
        "told": int(told.levers[lever].is_told.sum()),
        "verdict": walk.verdict.value,
        "walk": None if walk.gain is None else walk.gain.to_document(),
        "lines": len(lines),
    }
    return MeasuredLever(document, lines, tuple(_rows(each, fits, walk, moment)))


def _limits(parameters: ModuleParameters, walk: LeverWalk) -> Limits:
    """Return what lines are found under, braked by the walk-forward."""
    brake = 1.0 if walk.gain is None else walk.gain.came_true
    return Limits(parameters.lessons, parameters.channels[Channel.PM_TUNING].weights, parameters.evidence, brake)


def _with_source(line: LeverLine, each: LeverSource) -> LeverLine:
    """Return the line with where it was learned: windows tell nothing of categories that they are not of."""
    of = () if each.gate is None else each.gate.categories[line.pattern_key]
    return replace(line, source=each.source, categories=of)


def _rows(
    each: LeverSource, fits: Mapping[str, AlternativeFit], walk: LeverWalk, moment: int
) -> Iterator[LeverAlternative]:
    """Yield a row for each alternative that changes any row, and for each that is refused.

    Those that few tell of, and those refused, are believed nothing.
    """
    simulated = () if each.gate is None else each.gate.changes_before(moment)
    gates: Mapping[str, GateChange] = {change.alternative: change for change in simulated}
    for name in each.told.levers[each.lever.name].names:
        told, gate = each.told.observations(each.lever.name, name), gates.get(name)
        if gate is None and not told.outcome.any():
            continue
        found, part = fits.get(name), walk.parts.get(name)
        expected = None if found is None else found.of_all
        raw = float(means_of_units(told.outcome, told.cluster).mean()) if len(told) else 0.0
        yield LeverAlternative(
            lever=each.lever.name,
            source=each.source,
            alternative=name,
            n=len(np.unique(told.cluster)),
            mean=raw if found is None else found.mean,
            gain=0.0 if expected is None else float(expected.gain[0]),
            sd=MEAN_SD if expected is None else float(expected.sd[0]),
            lfsr=0.5 if expected is None else float(expected.lfsr[0]),
            days=0.0 if found is None else found.days,
            chosen=0 if part is None else part.chosen,
            walk_gain=None if part is None else part.gain,
            walk_low=None if part is None else part.low,
            walk_high=None if part is None else part.high,
            gained=None if gate is None else gate.gains,
            lost=None if gate is None else gate.losses,
            refusal="" if gate is None else gate.refusal,
        )
