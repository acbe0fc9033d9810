"""Price bars on disk as the context of an import: the unit of risk that they give, and what they could not give."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.core.management.base import CommandError

from learning.core.significance.permutation import JUDGED_BY_TRADE
from telemetry.core.market_context.dimensions import DIMENSIONS
from telemetry.core.market_context.universe import NAME_LENGTH, NAME_RULE, Universe, is_universe_name
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
    named = name or re.sub("[^A-Za-z0-9_-]", "", folder.resolve().name)[:NAME_LENGTH] or "bars"
    if not is_universe_name(named):
        raise CommandError(f"--universe: {named!r} is no name of a universe; give {NAME_RULE}")
    try:
        return BarsContext(BarFolder(folder), (known or {}).get(named), name=named)
    except Refused as refused:
        raise CommandError(f"--bars: {refused}") from refused


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
