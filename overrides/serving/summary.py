"""Who contributed to an answer and who was left out, in short, from columns without an object per override."""

from __future__ import annotations

from typing import Any

from overrides.core.engine.combination import Combination
from overrides.core.engine.taken import ContributionColumns, Contributions, Exclusions, Hashes

DIGITS = 64  # of a hash in hexadecimal

Document = dict[str, Any]


def summary(combination: Combination | None) -> Document:
    """Return the contributions with weight and parts, and the exclusions with their reason, in the engine's order."""
    if combination is None:
        return {"contributions": [], "excluded": []}
    return {"contributions": _contributed(combination.contributions), "excluded": _excluded(combination.excluded)}


def _contributed(contributions: Contributions) -> list[Document]:
    if not len(contributions):
        return []
    columns = contributions.columns
    if columns.ids is None or columns.lines is None:  # an id that is no hash stands in no column
        return [
            {"id": each.id, "line": each.line, "w_total": each.w_total, "parts": each.parts} for each in contributions
        ]
    weights = [None] * len(contributions) if columns.weights is None else columns.weights.tolist()
    if any(weight != weight for weight in weights):  # NaN: its combiner does not weigh
        weights = [None if weight != weight else weight for weight in weights]
    ids, lines = hexadecimal(columns.ids), hexadecimal(columns.lines)
    return [
        {"id": id, "line": line, "w_total": weight, "parts": parts}
        for id, line, weight, parts in zip(ids, lines, weights, _parts(columns), strict=True)
    ]


def _parts(columns: ContributionColumns) -> list[dict[str, float]]:
    """Return the parts of each contribution by lever."""
    levers, acts = columns.levers, columns.has if columns.acts is None else columns.acts
    if acts is None:
        return [dict(zip(levers, row, strict=True)) for row in columns.parts.tolist()]
    return [
        {lever: part for lever, part, does in zip(levers, row, acting, strict=True) if does}
        for row, acting in zip(columns.parts.tolist(), acts.tolist(), strict=True)
    ]


def _excluded(excluded: Exclusions) -> list[Document]:
    if not len(excluded):
        return []
    columns = excluded.columns
    if columns.ids is None:
        return [{"id": each.id, "reason": each.reason} for each in excluded]
    return [{"id": id, "reason": reason} for id, reason in zip(hexadecimal(columns.ids), columns.reasons, strict=True)]


def hexadecimal(hashes: Hashes) -> list[str]:
    """Return hashes as text.

    >>> import numpy as np
    >>> hexadecimal(np.array([[1] * 32, [255] * 32], np.uint8))[1][:8]
    'ffffffff'
    """
    text = hashes.tobytes().hex()
    return [text[start : start + DIGITS] for start in range(0, len(text), DIGITS)]
