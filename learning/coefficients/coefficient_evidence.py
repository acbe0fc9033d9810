"""What is known of proposed weights: trades, effective days, interval, and how many weights move in noise."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import numpy as np

from learning.coefficients.coefficient_memory import MODULE, day_of
from learning.coefficients.proposed_weights import weigh_all
from learning.coefficients.recent_units import recent_units
from learning.core.coefficient_evidence import Fewest, moved_in_noise, moved_weights, weight_evidence
from learning.core.significance.twin_gate import SEEDS
from learning.core.significance.verdict import Voices, voices_document
from overrides.core.engine.definitions.coefficients import LEVER_DIMENSIONS
from overrides.versions.load_version import current_parameters


def coefficient_evidence(names: Collection[str], *, at: datetime) -> dict[str, dict[str, Any]]:
    """Return the evidence of weights by name, `dimension=value`; empty without trades.

    The entry "" holds the verdict on all weights together: how many moved, and how many move in permuted outcomes.
    """
    if not names:
        return {}
    overall, fresh = weigh_all(at=at)
    if overall is None:
        return {}
    as_of = max(day_of(at), overall.at)
    parameters = current_parameters(MODULE)
    books = list(parameters.lessons.books)
    fewest = Fewest.of(parameters.evidence)
    loaded = {lever: recent_units(dimension, books, as_of) for lever, dimension in LEVER_DIMENSIONS.items()}
    columns = {lever: (rr, day, code) for lever, (_, rr, day, code) in loaded.items() if len(rr)}
    as_of = max([as_of, *(float(day.max()) for _, day, _ in columns.values())])  # rounding of times
    found = sum(moved_weights(*each, overall, as_of, fewest) for each in columns.values())
    twins = tuple(moved_in_noise(columns, overall, as_of, fewest, seed) for seed in SEEDS) if columns else ()
    tested = sum(len(values) for values, *_ in loaded.values())
    voices = Voices(found, twins, None, tested, "moved weight", "tested value")
    evidence: dict[str, dict[str, Any]] = {"": voices_document(voices)}
    for name in sorted(set(names) & fresh.keys()):
        lever, _, value = name.partition("=")
        values, rr, day, code = loaded[lever]
        of_value = code == values.index(value) if value in values else np.zeros(len(rr), dtype=bool)
        known, found_for = fresh[name], weight_evidence(fresh[name].weight, rr[of_value], day[of_value], as_of)
        evidence[name] = {
            "n": known.n,
            "days": found_for.days,
            "low": found_for.low,
            "high": found_for.high,
            "short": known.short,
            "long": known.long,
        }
    return evidence
