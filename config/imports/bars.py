"""Price bars on disk as the context of an import: the unit of risk that they give, and what they could not give."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.core.management.base import CommandError

from learning.core.significance.permutation import JUDGED_BY_TRADE
from telemetry.core.file_formats.file_rows import Row
from telemetry.core.market_context.dimensions import DIMENSIONS
from telemetry.core.market_context.universe import NAME_LENGTH, Universe
from telemetry.core.unit_of_risk import ATRS, LEAST_RISK, Unit
from telemetry.foundation.core.refusal import Refused
from telemetry.recording.bar_files import BarFolder
from telemetry.recording.market_context import BarsContext, ContextReport


def context_from(
    folder: Path | None, name: str | None, known: Mapping[str, Universe] | None = None
) -> BarsContext | None:
    """Return the context from a folder of bars; None without a folder.

    `name` is that of the universe, by default the folder's. `known` are universes by name that modules learn from:
    their pairs are used, and otherwise all pairs of the folder. Raises CommandError.
    """
    if folder is None:
        if name is not None:
            raise CommandError("--universe: names the pairs of --bars DIR; give the folder too")
        return None
    named = name or re.sub(r"[^\x20-\x3f\x41-\x7e]|@", "", folder.resolve().name).strip()[:NAME_LENGTH] or "bars"
    try:
        return BarsContext(BarFolder(folder), risk_of, (known or {}).get(named), named)
    except (Refused, ValueError) as refused:
        raise CommandError(f"--bars: {refused}") from refused


def risk_of(row: Row, atr: float) -> float | None:
    """Return one R of a row as a fraction of its open rate: its real stop, or 2 ATR and at least .4 %; None if neither.

    `atr` is the ATR of 1 h bars at entry as such a fraction, NaN if the bars do not give it.
    """
    facts = row.market
    if facts is None or row.unit is None or not isinstance(row.payload, dict):
        return None
    if row.unit is Unit.STOP:
        has_stop = row.payload.get("rr") is not None and facts.stop_ratio is not None
        return abs(facts.stop_ratio or 0.0) / facts.leverage if has_stop else None
    return None if math.isnan(atr) else max(ATRS * atr, LEAST_RISK)


@dataclass
class FromBars:
    """What bars gave of one dimension to opening actions.

    - `given`: actions that have it; `ready`: those and the ones that lack it although its warm-up is met.
    - `reasons`: why the others lack it, the most frequent first.
    """

    given: int
    ready: int
    reasons: tuple[str, ...]


def from_bars(report: ContextReport) -> dict[str, FromBars]:
    """Return what bars gave to entries, adds and allocations, by dimension."""
    missing: dict[str, Counter[str]] = {}
    for (category, name, reason), count in report.missing.items():
        if category in JUDGED_BY_TRADE and name in DIMENSIONS:
            missing.setdefault(name, Counter())[reason] += count
    found = {}
    for name, dimension in DIMENSIONS.items():
        given = sum(report.given[category, name] for category in JUDGED_BY_TRADE)
        reasons = missing.get(name, Counter())
        if given or reasons:
            ready = given + reasons.total() - reasons[f"needs {dimension.warm_up}"]
            found[name] = FromBars(given, ready, tuple(reason for reason, _ in reasons.most_common()))
    return found
