"""Alternatives of a lever that trades tell: how many of the newest carry each, and what their sources say of them.

Only their number is shown here. A mean over the actions that tell them would answer another question: among trades that
trimmed, a sooner trim always loses.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from config.desk.levers.section import Asked, Section
from telemetry.recording.replay_notes import replay_notes

COUNTED = 20_000  # newest actions that are looked through
_RECORDED = """
WITH action AS MATERIALIZED (
    SELECT trade_id, counterfactuals -> %(lever)s AS deltas, replays -> %(lever)s AS arms
    FROM telemetry_action ORDER BY id DESC LIMIT %(counted)s
), current AS (
    SELECT action.*, trade.source FROM action JOIN telemetry_trade AS trade ON trade.id = action.trade_id
    WHERE trade.is_current
), told AS (
    SELECT trade_id, jsonb_object_keys(deltas) AS alternative FROM current WHERE jsonb_typeof(deltas) = 'object'
    UNION SELECT trade_id, jsonb_object_keys(arms) FROM current WHERE jsonb_typeof(arms) = 'object'
)
SELECT
    (SELECT count(DISTINCT trade_id) FROM current),
    (SELECT coalesce(jsonb_agg(DISTINCT source), '[]') FROM current),
    (SELECT coalesce(jsonb_object_agg(alternative, n), '{}')
     FROM (SELECT alternative, count(*) AS n FROM told GROUP BY 1) AS counts)
"""


@dataclass(frozen=True)
class Alternatives:
    """The alternatives among the trades of the newest actions, by value, with the trades that tell each.

    `notes` are what the sources of these trades say of the lever, each with the source.
    """

    trades: int
    told: Sequence[tuple[str, int]]
    notes: Sequence[tuple[str, str]]


def recorded_alternatives(lever: str) -> Alternatives:
    """Return the alternatives of a lever that were recorded lately, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(_RECORDED, {"lever": lever, "counted": COUNTED})
        trades, sources, told = cursor.fetchone()
    return Alternatives(
        trades, sorted(json.loads(told).items(), key=_by_value), replay_notes(lever, json.loads(sources))
    )


def section(asked: Asked) -> Section:
    """Show which alternatives of the lever were recorded."""
    shown = {"found": recorded_alternatives(asked.lever.name), "counted": COUNTED}
    return Section("alternatives", "Alternatives recorded", "desk/levers/recorded_alternatives.html", shown)


def _by_value(told: tuple[str, int]) -> tuple[float, str]:
    """Order numbers by their value, words after them."""
    try:
        return float(told[0]), told[0]
    except ValueError:
        return float("inf"), told[0]
