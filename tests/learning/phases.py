"""Facts whose edges the evidence method finds: good in one macro phase, best in one of its buckets, bad in another."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from learning.lessons.aggregate import aggregate_dirty
from learning.models import Lesson
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from telemetry.recording.record_trades import record_trades
from tests.builders import NOW, make_parameters, make_trades

OTHER = "rsi.short.dip"
EDGES = {("Good", "micro"): 1.3, ("Good", "large"): 0.5, ("Dip", "micro"): -0.6, ("Dip", "large"): -0.6}
PM_EVIDENCE: Mapping[str, Any] = {"policy": "evidence", "combiner": "evidence"}


def record_phases(per_cell: int = 60, *, at: datetime = NOW, seed: int = 1, prefix: str = "t", **action: Any) -> None:
    """Record trades of each phase and bucket around their edge, with noise of 1 R, one a day for each."""
    random = np.random.default_rng(seed)
    for (phase, bucket), edge in EDGES.items():
        outcomes = (edge + random.normal(0, 1, per_cell)).round(3).tolist()
        scope = {"macro_phase": phase, "bucket": bucket}
        record_trades(make_trades(outcomes, scope=scope, prefix=f"{prefix} {phase} {bucket} ", **action), now=at)
    aggregate_dirty(now=at)


def evidence_parameters(**over: Any) -> ModuleParameters:
    """Return pm parameters with the evidence method on strength, with changed constants."""
    return make_parameters(PM_EVIDENCE, evidence=ModuleParameters.default("pm").evidence.to_document() | over)


def evidence_lessons() -> dict[tuple[str, ...], Lesson]:
    """Return the lessons of one pattern by the values of their scope."""
    return {tuple(value for _, value in sorted(each.scope.items())): each for each in Lesson.objects.all()}
