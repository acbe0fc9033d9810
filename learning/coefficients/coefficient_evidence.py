"""What is known of weights: trades, effective days, interval, walk-forward, and how many move as far in noise."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np

from learning.coefficients.coefficient_memory import MODULE, OVERALL, day_of
from learning.coefficients.proposed_weights import name_of, weigh_all
from learning.coefficients.recent_units import recent_units
from learning.coefficients.walked_weights import WalkedWeights, walked_weights
from learning.core.cells.rows import LARGEST, Floats, Ints
from learning.core.coefficient_evidence import (
    Columns,
    Fewest,
    moved_among,
    strong_values,
    weight_evidence,
    weights_in_noise,
    weights_of_values,
)
from learning.core.coefficients import Coefficient, Memory
from learning.core.significance.twin_gate import SEEDS
from learning.core.significance.verdict import Voices, voices_document
from learning.models import Coefficient as Row
from overrides.core.engine.definitions.coefficients import LEVER_DIMENSIONS
from overrides.versions.load_version import current_parameters
from telemetry.foundation.core.canonical_json import utc_text

MEASURED_AGAIN_AFTER = timedelta(hours=1)
STORED = ("effective_days", "low", "high", "walk_gain", "evidence", "measured_at")


def coefficient_evidence(names: Collection[str], *, at: datetime) -> dict[str, dict[str, Any]]:
    """Return the evidence of weights by name, `lever=value`; empty without trades.

    The entry "" holds the verdict on all weights together: how many moved, how many move in permuted outcomes, and what
    all of them gained in the walk-forward.
    """
    sample = _load_sample(at) if names else None
    if sample is None:
        return {}
    return {"": sample.verdict()} | {
        name: sample.evidence_of(name) for name in sorted(set(names) & sample.fresh.keys())
    }


def measure_coefficients(*, now: datetime) -> int:
    """Store the evidence of every weight with it, hourly and after each walk-forward; return how many were measured."""
    rows = {name_of(row): row for row in Row.objects.filter(module=MODULE).defer("sums")}
    overall = rows.get("=".join(OVERALL))
    if overall is None or not _is_due(overall, now):
        return 0
    sample = _load_sample(now)
    if sample is None:
        return 0
    for name, row in rows.items():
        row.measured_at = now
        if row is overall:
            row.evidence = sample.verdict()
        elif name in sample.fresh:
            found = sample.evidence_of(name)
            row.effective_days, row.low, row.high = found["days"], found["low"], found["high"]
            row.walk_gain = None if found["walk"] is None else min(max(found["walk"]["gain"], -LARGEST), LARGEST)
            row.evidence = {"twins": found["twins"], "walk": found["walk"]}
    return Row.objects.bulk_update(rows.values(), STORED, batch_size=500)


def _is_due(overall: Row, now: datetime) -> bool:
    """Return whether the evidence is an hour old, or older than the newest walk-forward."""
    if overall.measured_at is None or overall.evidence is None:
        return True
    is_old = now - overall.measured_at >= MEASURED_AGAIN_AFTER
    return is_old or overall.evidence["walk_as_of"] != _text_of(walked_weights().as_of)


def _text_of(at: datetime | None) -> str | None:
    return None if at is None else utc_text(at)


@dataclass(frozen=True)
class _Sample:
    """The recent trades behind the weights of all levers, the fresh weights, and the newest walk-forward."""

    overall: Memory
    fresh: Mapping[str, Coefficient]
    values: Mapping[str, list[str]]  # by lever
    columns: Columns  # by lever
    as_of: float
    fewest: Fewest
    walked: WalkedWeights

    def verdict(self) -> dict[str, Any]:
        """Return the verdict on all weights together as JSON values."""
        found = moved_among(self._as_they_are, self._strong)
        twins = tuple(moved_among(dealt, self._strong) for dealt in self._dealt)
        tested = sum(map(len, self.values.values()))
        voices = Voices(found, twins, self.walked.voice, tested, "moved weight", "tested value")
        since = {"walk_as_of": _text_of(self.walked.as_of), "intervals_cover_both_means": True}
        return voices_document(voices) | since

    def evidence_of(self, name: str) -> dict[str, Any]:
        """Return the evidence of one weight as JSON values.

        `twins` counts the noise twins in which it moves at least as far from 1, and `walk` is None if it was in force
        in no fold.
        """
        lever, _, value = name.partition("=")
        known, (rr, day) = self.fresh[name], self._outcomes.get(name, (np.empty(0), np.empty(0)))
        found = weight_evidence(known.weight, rr, day, self.as_of)
        return {
            "n": known.n,
            "days": found.days,
            "low": found.low,
            "high": found.high,
            "short": known.short,
            "long": known.long,
            "twins": self._as_far(lever, value),
            "walk": self.walked.gains.get(name),
        }

    def _as_far(self, lever: str, value: str) -> dict[str, int] | None:
        """Return in how many noise twins a weight is at least as far from 1; None without recent trades of it."""
        if value not in self.values[lever]:
            return None
        code = self.values[lever].index(value)
        own = abs(math.log(self._as_they_are[lever][code]))
        return {"as_far": sum(abs(math.log(dealt[lever][code])) >= own for dealt in self._dealt), "of": len(SEEDS)}

    @cached_property
    def _outcomes(self) -> dict[str, tuple[Floats, Floats]]:
        """The outcomes and close days of each value, by the name of its weight."""
        found = {}
        for lever, (rr, day, code) in self.columns.items():
            for value, at in zip(self.values[lever], _by_code(code, len(self.values[lever])), strict=True):
                found[f"{lever}={value}"] = rr[at], day[at]
        return found

    @cached_property
    def _strong(self) -> dict[str, set[int]]:
        return {
            lever: strong_values(day, code, self.as_of, self.fewest) for lever, (_, day, code) in self.columns.items()
        }

    @cached_property
    def _as_they_are(self) -> dict[str, dict[int, float]]:
        return {lever: weights_of_values(*each, self.overall, self.as_of) for lever, each in self.columns.items()}

    @cached_property
    def _dealt(self) -> list[dict[str, dict[int, float]]]:
        return [weights_in_noise(self.columns, self.overall, self.as_of, seed) for seed in SEEDS]


def _by_code(code: Ints, count: int) -> list[Ints]:
    """Return the positions of each of `count` codes."""
    order = np.argsort(code, kind="stable")
    return np.split(order, np.cumsum(np.bincount(code, minlength=count))[:-1])


def _load_sample(at: datetime) -> _Sample | None:
    """Return what weights rest on; None without trades."""
    overall, fresh = weigh_all(at=at)
    if overall is None:
        return None
    as_of = max(day_of(at), overall.at)
    parameters = current_parameters(MODULE)
    learned = parameters.learned_from
    loaded = {lever: recent_units(dimension, learned, as_of) for lever, dimension in LEVER_DIMENSIONS.items()}
    columns = {lever: (rr, day, code) for lever, (_, rr, day, code) in loaded.items() if len(rr)}
    as_of = max([as_of, *(float(day.max()) for _, day, _ in columns.values())])  # rounding of times
    values = {lever: names for lever, (names, *_) in loaded.items()}
    return _Sample(overall, fresh, values, columns, as_of, Fewest.of(parameters.evidence), walked_weights())
