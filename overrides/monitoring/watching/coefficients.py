"""Watch the coefficients of dm as lines are watched, and propose neutral for one that has stopped working.

A weight says that trades of its value earn ln(weight) R more than the module's mean. A trade counts with
u = clip(sign(ln weight) * (rr - mean - ln of the other weights that acted) / sd, -3, 3). The mean and sd are those of
the module's trades that closed before the weight was first watched, and stay as they were. Coefficients change by
reviewed requests alone, so a red one is not disabled at once: the monitor drafts the request that sets it to neutral.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from overrides.core.engine.definitions.coefficients import (
    COEFFICIENT_MODULE,
    LEVER_DIMENSIONS,
    read_weights,
    weights_of,
)
from overrides.core.engine.definitions.vocabulary import SERVED
from overrides.core.monitoring.watching.e_detector import standardised
from overrides.core.monitoring.watching.watched_stream import Counted
from overrides.models import ChangeRequest, Monitor, RequestKind, Version
from overrides.monitoring.scoring.touched_trades import NOT_USED
from overrides.monitoring.watching.counting import fold_all, new_monitor, why_red
from overrides.requests.authoring import draft_request
from overrides.requests.gates import read_situation
from overrides.requests.machine_acts import MONITOR, take_back
from overrides.requests.staleness import health_of
from telemetry.foundation.core.words import shortened

FEWEST_BEFORE = 30  # trades that the mean and the sd take
MOST_BEFORE = 1000
AGAIN = timedelta(days=30)  # after a request was closed and the weight is still red
RED = Monitor.State.RED
LONGEST_TITLE = 200

OUTCOMES = """
SELECT trade.id, trade.external_id, trade.closed_at, trade.rr, decision.version, decision.scope
FROM telemetry_decisionoutcome AS outcome
JOIN telemetry_attribution AS attribution USING (trade_id)
JOIN telemetry_trade AS trade ON trade.id = outcome.trade_id
JOIN telemetry_decision AS decision ON decision.decision_id = outcome.decision_id
WHERE decision.module = %(module)s AND decision.mode = 'on' AND decision.reason = ANY(%(reasons)s)
AND outcome.misfit = '' AND outcome.unattributed <> ALL(%(not_used)s) AND trade.excluded_reason = ''
AND (%(after)s::timestamptz IS NULL OR attribution.attributed_at > %(after)s::timestamptz)
ORDER BY trade.closed_at, trade.id
"""
BEFORE = """
SELECT count(*), avg(rr), stddev_samp(rr) FROM (
    SELECT DISTINCT trade.id, trade.rr, trade.closed_at FROM telemetry_trade AS trade
    JOIN telemetry_outcome AS outcome ON outcome.trade_id = trade.id AND outcome.module = %s
    WHERE trade.is_current AND trade.rr IS NOT NULL AND trade.excluded_reason = '' AND trade.closed_at < %s
    ORDER BY trade.closed_at DESC LIMIT %s
) AS earlier
"""


def count_coefficients(after: datetime | None, now: datetime) -> int:
    """Count the trades attributed after a time for each coefficient in force; return how many were counted."""
    version = Version.objects.filter(module=COEFFICIENT_MODULE, is_active=True).defer("config_data").first()
    weights: dict[str, float] = {} if version is None else {k: w for k, w in version.coefficients.items() if w != 1}
    Monitor.objects.filter(kind=Monitor.Kind.COEFFICIENT).exclude(name__in=weights).delete()
    if version is None or not weights:
        return 0
    rows = Monitor.objects.select_for_update().filter(kind=Monitor.Kind.COEFFICIENT, name__in=weights)
    monitors = {row.name: row for row in rows.order_by("pk")}
    baseline = None
    for name in weights.keys() - monitors.keys():
        baseline = baseline or _baseline(version.published_at)
        if baseline is None:
            return 0
        monitors[name] = new_monitor(
            COEFFICIENT_MODULE, Monitor.Kind.COEFFICIENT, name, version.published_at, now, baseline
        )
    return fold_all(monitors, _news(monitors, weights, after), after, now)


def _baseline(before: datetime) -> dict[str, float] | None:
    """Return the mean and sd of the module's last trades before a time, in R; None where there are too few."""
    with connection.cursor() as cursor:
        cursor.execute(BEFORE, [COEFFICIENT_MODULE, before, MOST_BEFORE])
        count, mean, sd = cursor.fetchone()
    return {"mu0": float(mean), "s_p": float(sd)} if count >= FEWEST_BEFORE and sd else None


def _news(
    monitors: Mapping[str, Monitor], weights: Mapping[str, float], after: datetime | None
) -> dict[str, dict[str, Counted]]:
    """Return what closed trades say of each coefficient that acted in their answers, by its name and external id.

    A coefficient of an earlier version counts if it moved to the same side as the one in force.
    """
    found: dict[str, dict[str, Counted]] = {}
    of_version: dict[int | None, dict[str, dict[str, float]]] = {}
    for trade, external_id, closed_at, rr, version, scope in _outcomes(after):
        if version not in of_version:
            of_version[version] = read_weights(_coefficients(version))
        acted = weights_of(of_version[version], scope)
        moves = {f"{lever}={scope[LEVER_DIMENSIONS[lever]]}": math.log(w) for lever, w in acted.items()}
        for name, move in moves.items():
            row = monitors.get(name)
            if row is None or not row.baseline or closed_at < row.since or move * math.log(weights[name]) <= 0:
                continue
            others = math.fsum(moves.values()) - move
            residual, sign, s_p = rr - row.baseline["mu0"] - others, 1 if move > 0 else -1, row.baseline["s_p"]
            found.setdefault(name, {})[external_id] = Counted(
                closed_at, trade, standardised(sign, residual, s_p), sign * residual, abs(move) / s_p
            )
    return found


def _coefficients(version: int | None) -> dict[str, Any]:
    if version is None:
        return {}
    rows = Version.objects.filter(module=COEFFICIENT_MODULE, number=version)
    return rows.values_list("coefficients", flat=True).first() or {}


def _outcomes(after: datetime | None) -> list[tuple[Any, ...]]:
    parameters = {
        "module": COEFFICIENT_MODULE,
        "reasons": [each.value for each in SERVED],  # weights act without a line, too
        "not_used": list(NOT_USED),
        "after": after,
    }
    with connection.cursor() as cursor:
        cursor.execute(OUTCOMES, parameters)
        return [(*row, json.loads(scope)) for *row, scope in cursor.fetchall()]


@transaction.atomic
def propose_neutral(now: datetime) -> None:
    """Draft one request that sets every red coefficient to neutral.

    One that is open waits for people, and what has become red since waits for it; where the coefficients in force have
    changed meanwhile it could not be applied any more, so it is taken back and drafted anew. A coefficient whose
    request was closed within 30 days is left out.
    """
    asked = _open_request()
    if asked is not None and not _is_stale(asked, now):
        return
    taken_back = None if asked is None else asked.pk
    if asked is not None:
        take_back(request_id=asked.pk, reason="the coefficients in force changed since it was drafted", at=now)
    red = Monitor.objects.filter(kind=Monitor.Kind.COEFFICIENT, state=RED).select_related("request").order_by("name")
    version = Version.objects.filter(module=COEFFICIENT_MODULE, is_active=True).first()
    weights = {} if version is None else version.coefficients
    rows = [row for row in red if row.name in weights and _may_be_asked(row, taken_back, now)]
    if rows:
        _propose(rows, weights, now)


def _open_request() -> ChangeRequest | None:
    open_requests = ChangeRequest.objects.filter(state__in=ChangeRequest.OPEN, route=ChangeRequest.Route.REVIEW)
    return open_requests.filter(module=COEFFICIENT_MODULE, author=None, author_name=MONITOR).order_by("-id").first()


def _is_stale(request: ChangeRequest, now: datetime) -> bool:
    return health_of(read_situation(request, now).situation, now) == ChangeRequest.Health.STALE


def _may_be_asked(row: Monitor, taken_back: int | None, now: datetime) -> bool:
    """Return whether nobody decided about the coefficient within 30 days."""
    asked = row.request
    return asked is None or asked.pk == taken_back or (asked.closed_at is not None and asked.closed_at <= now - AGAIN)


def _propose(rows: Sequence[Monitor], weights: Mapping[str, float], now: datetime) -> None:
    names = [row.name for row in rows]
    which = ", ".join(name.replace("=", " ") for name in names)
    noun = "coefficient" if len(names) == 1 else "coefficients"
    request: ChangeRequest = draft_request(
        module=COEFFICIENT_MODULE,
        kind=RequestKind.LINES,
        title=shortened(f"Set to neutral: {noun} of {which}", LONGEST_TITLE),
        reason="; ".join(f"{row.name}: after {row.trades} closed trades {why_red(row, 'coefficient')}" for row in rows),
        author=None,
        author_name=MONITOR,
        at=now,
        content={"coefficients": {name: weight for name, weight in weights.items() if name not in names}},
    )
    Monitor.objects.filter(pk__in=[row.pk for row in rows]).update(request=request)
