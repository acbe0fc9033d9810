"""The evidence of a weight on admin pages: its interval, effective days, walk-forward result and noise twins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from learning.models import Coefficient
from telemetry.foundation.admin.formatting import MISSING, number
from telemetry.foundation.core.canonical_json import utc_text

EXPORTED = (
    "low", "high", "effective_days", "walk_gain", "walk_low", "walk_high", "walk_trades", "walk_days", "walk_folds",
    "twins_as_far", "twins", "measured_at",
)  # fmt: skip


def interval(row: Coefficient) -> SafeString:
    """Format the 95 % interval of a weight; a dash where one day is all there is."""
    if row.low is None:
        return MISSING
    return format_html("{} to {}", number(row.low, 2), number(row.high, 2))


def gain(row: Coefficient) -> SafeString:
    """Format what a weight gained in the walk-forward, with its interval; a dash if it was in force in no fold."""
    walk = walk_of(row)
    if walk is None:
        return MISSING
    total = number(walk["gain"], 1, signed=True, unit="R")
    if walk["low"] is None:
        return total
    low, high = (number(walk[end], 1, signed=True) for end in ("low", "high"))
    return format_html('{} <span class="cw-quiet">({} to {})</span>', total, low, high)


def walk_of(row: Coefficient) -> Mapping[str, Any] | None:
    """Return the walk-forward result of a weight; None if it has none."""
    walk: Mapping[str, Any] | None = (row.evidence or {}).get("walk") if row.key else None
    return walk


def twins_of(row: Coefficient) -> Mapping[str, int] | None:
    """Return in how many noise twins a weight is at least as far from 1; None if it was not compared."""
    twins: Mapping[str, int] | None = (row.evidence or {}).get("twins") if row.key else None
    return twins


def exported_evidence(row: Coefficient) -> dict[str, Any]:
    """Return the evidence of a weight as the columns of a table; empty where it is not known."""
    walk, twins = walk_of(row) or {}, twins_of(row) or {}
    return {
        "low": row.low,
        "high": row.high,
        "effective_days": row.effective_days,
        "walk_gain": walk.get("gain"),
        "walk_low": walk.get("low"),
        "walk_high": walk.get("high"),
        "walk_trades": walk.get("n"),
        "walk_days": walk.get("days"),
        "walk_folds": walk.get("folds"),
        "twins_as_far": twins.get("as_far"),
        "twins": twins.get("of"),
        "measured_at": None if row.measured_at is None else utc_text(row.measured_at),
    }
