"""Collect what each line touched and earned: one row per closed trade and line, from what attribution stored.

A line touched a trade if its override acted in an answer that was served for it. Answers of a module that is off or in
shadow, outside a roll-out, or held back are left out: what was served there was neutral.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from overrides.core.engine.definitions.vocabulary import BY_OVERRIDES
from overrides.core.monitoring.scoring.touched import Touched, mean_or_none, prediction_of_others, sign_of
from overrides.models import Override
from telemetry.decisions.attributed_trades import LATER, SUPERSEDED

CHUNK = 5_000  # rows in memory at a time
NOT_USED = (LATER, SUPERSEDED)  # named decisions that nothing was done by

# Who acted: decisions with a trace name the keys of their movers, older ones hold documents.
ACTED = """
WITH named AS MATERIALIZED (
    SELECT outcome.trade_id, outcome.action_index, outcome.decision_id,
        trade.external_id, trade.closed_at, attribution.attributed_at,
        CASE WHEN trade.excluded_reason <> '' THEN NULL
            WHEN action.action_category IN ('trim', 'exit') THEN judged.rr ELSE trade.rr END AS rr
    FROM telemetry_decisionoutcome AS outcome
    JOIN telemetry_trade AS trade ON trade.id = outcome.trade_id
    JOIN telemetry_attribution AS attribution ON attribution.trade_id = outcome.trade_id
    JOIN telemetry_action AS action ON action.trade_id = outcome.trade_id AND action.index = outcome.action_index
    LEFT JOIN telemetry_outcome AS judged
        ON judged.trade_id = outcome.trade_id AND judged.action_index = outcome.action_index
    WHERE outcome.misfit = '' AND outcome.unattributed <> ALL(%(not_used)s){named}
), served AS MATERIALIZED (
    SELECT named.*, decision.movers, CASE WHEN decision.movers IS NULL THEN decision.contributions END AS documents
    FROM named JOIN telemetry_decision AS decision USING (decision_id)
    WHERE decision.mode = 'on' AND decision.reason = ANY(%(reasons)s){served}
), acted AS (
    SELECT served.*, constants.override_id
    FROM served CROSS JOIN unnest(served.movers) AS mover (key)
    JOIN telemetry_decisionconstants AS constants USING (key)
    UNION ALL
    SELECT served.*, document ->> 'id'
    FROM served CROSS JOIN jsonb_array_elements(served.documents) AS document
), earned AS (
    SELECT attribution_id, decision_id, override_id, sum(share) AS share, sum(abs(part)) AS moved
    FROM telemetry_attributionshare WHERE line_id <> ''{earned} GROUP BY 1, 2, 3
)
SELECT acted.trade_id, acted.action_index, acted.decision_id, acted.external_id, acted.closed_at, acted.attributed_at,
    acted.rr, acted.override_id, earned.share, earned.moved
FROM acted LEFT JOIN earned ON earned.attribution_id = acted.trade_id AND earned.decision_id = acted.decision_id
    AND earned.override_id = acted.override_id
ORDER BY acted.closed_at, acted.trade_id, acted.action_index, acted.decision_id, acted.override_id
"""
SINCE = " AND (attribution.attributed_at, attribution.trade_id) > (%(moment)s, %(trade)s)"
OF_LINES = """ AND (decision.movers && %(keys)s::bigint[]
    OR jsonb_path_query_array(contributions, '$[*].line') ?| %(lines)s::text[])"""
OF_ITS_TRADES = " AND attribution_id IN (SELECT trade_id FROM named)"

Revision = tuple[datetime, UUID]  # attributed_at and trade


class _Acted(NamedTuple):
    """One override that acted in one answer of one closed trade."""

    trade: UUID
    action_index: int
    decision: UUID
    external_id: str
    closed_at: datetime
    attributed_at: datetime
    rr: float | None
    override: str
    share: float | None
    moved: float | None


@dataclass(frozen=True, slots=True)
class _Promised:
    """What is known of an override beside its trades."""

    line: str
    module: str
    method: str
    sign: int | None
    promise: Mapping[str, Any] | None


def touched_trades(
    module: str | None = None,
    line: str | None = None,
    after: Revision | None = None,
    lines: Collection[str] | None = None,
) -> Iterator[Touched]:
    """Yield one row per closed trade and line, by the close of the trade and its id.

    `module`, `line` and `lines` limit the lines. `after` limits the trades to those attributed since that revision,
    late and corrected ones included: a corrected trade has a new id and the same external id, and the rows of its
    earlier revisions are gone. A trade counts once per line: its outcome is the mean over the line's actions, and what
    the line earned is their sum.
    """
    wanted = {line} if line is not None else None if lines is None else set(lines)
    known: dict[str, _Promised | None] = {}
    for chunk in _of_whole_trades(_acted(wanted, after)):
        known |= _promised({row.override for row in chunk} - known.keys())
        for _, of_trade in groupby(chunk, key=lambda row: row.trade):
            yield from _of_trade(list(of_trade), known, module, wanted)


def _of_whole_trades(chunks: Iterator[list[_Acted]]) -> Iterator[list[_Acted]]:
    """Yield the same rows in chunks that hold all rows of each of their trades."""
    begun: list[_Acted] = []
    for chunk in chunks:
        rows = begun + chunk
        last = rows[-1].trade
        whole = next((place for place in range(len(rows) - 1, -1, -1) if rows[place].trade != last), -1) + 1
        begun = rows[whole:]
        if whole:
            yield rows[:whole]
    if begun:
        yield begun


def _acted(lines: Collection[str] | None, after: Revision | None) -> Iterator[list[_Acted]]:
    parameters: dict[str, Any] = {"not_used": list(NOT_USED), "reasons": [each.value for each in BY_OVERRIDES]}
    named = served = earned = ""
    if after is not None:
        named, earned = SINCE, OF_ITS_TRADES
        parameters |= {"moment": after[0], "trade": after[1]}
    if lines is not None:
        served = OF_LINES
        parameters |= {"lines": list(lines), "keys": _keys(lines)}
    with connection.chunked_cursor() as cursor:
        cursor.execute(ACTED.format(named=named, served=served, earned=earned), parameters)
        while rows := cursor.fetchmany(CHUNK):
            yield [_Acted(*row) for row in rows]


def _keys(lines: Collection[str]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM telemetry_decisionconstants WHERE line_id = ANY(%s)", [list(lines)])
        return [key for (key,) in cursor.fetchall()]


def _promised(overrides: Collection[str]) -> dict[str, _Promised | None]:
    """Return what is known of these overrides; None of one that is not stored, whose trades do not count."""
    if not overrides:
        return {}
    rows = Override.objects.filter(pk__in=overrides).values_list(
        "pk", "line_id", "line__module", "line__policy", "line__action_category", "levers", "promise"
    )
    found = {
        pk: _Promised(line, module, method, sign_of(levers, category), promise)
        for pk, line, module, method, category, levers, promise in rows
    }
    return dict.fromkeys(overrides) | found


def _of_trade(
    rows: Sequence[_Acted],
    known: Mapping[str, _Promised | None],
    module: str | None,
    lines: Collection[str] | None,
) -> Iterator[Touched]:
    """Yield the rows of one trade, one for each line."""
    found: dict[str, list[tuple[_Acted, _Promised, float | None]]] = {}
    for _, of_answer in groupby(rows, key=lambda row: (row.action_index, row.decision)):
        answer = [(row, promised) for row in of_answer if (promised := known[row.override]) is not None]
        acted = {row.override: (promised.method, promised.promise) for row, promised in answer}
        for row, promised in answer:
            mu0 = (promised.promise or {}).get("mu0")
            without = None if mu0 is None else mu0 + prediction_of_others(row.override, acted)
            residual = None if without is None or row.rr is None else row.rr - without
            found.setdefault(promised.line, []).append((row, promised, residual))
    for line, of_line in sorted(found.items()):
        if (module is None or of_line[-1][1].module == module) and (lines is None or line in lines):
            yield _touched(line, of_line)


def _touched(line: str, found: Sequence[tuple[_Acted, _Promised, float | None]]) -> Touched:
    """Return the row of a trade and a line; of several revisions of the line the one that acted last is named."""
    row, last, _ = found[-1]
    shares = [each.share for each, _, _ in found if each.share is not None]
    moved = [each.moved for each, _, _ in found if each.moved is not None]
    promise = last.promise or {}
    return Touched(
        line=line,
        override=row.override,
        trade=row.trade,
        external_id=row.external_id,
        closed_at=row.closed_at,
        attributed_at=row.attributed_at,
        decisions=len(found),
        sign=last.sign,
        rr=mean_or_none([each.rr for each, _, _ in found]),
        earned=sum(shares) if shares else None,
        moved=sum(moved) if moved else None,
        predicted=promise.get("predicted"),
        sd=promise.get("sd"),
        residual=mean_or_none([residual for _, _, residual in found]),
        s_p=promise.get("s_p"),
    )
