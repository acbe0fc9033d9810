"""How long it takes to count what requests met, and to show what never matched.

100,000 lines in force; a million decisions of the last 30 days, each met by ten lines of which two were left out. The
first figure is the first count of all of them, the second the nightly one, which reads two days again. The page is
measured as a reviewer asks for it. `plans` prints the plans of
its queries too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from uuid import UUID

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from overrides.monitoring.unmet import never_matched
from overrides.monitoring.unmet.line_use import count_use
from telemetry.core.decision_trace.trace import Moved, Packed, Served, pack
from telemetry.decisions.decision_rows import TRACED, store_constants, traced_row
from telemetry.foundation.bulk_copy import copy_binary
from telemetry.foundation.core.canonical_json import fact_json
from telemetry.foundation.core.identifiers import uuid7
from telemetry.models import Decision
from tests.bench.pages import fill
from tests.bench.report import figure, scratch_database, timed
from tests.people import make_person

OVERRIDES, DECISIONS, DAYS = 100_000, 1_000_000, 30
MATCHED, LEFT_OUT = 10, 2
BATCH, ROUNDS = 20_000, 3
MOST_MILLISECONDS, MOST_QUERIES = 1500, 12
PLANS = "plans"
LINES = """
SELECT line.id, held.override_id, line.pattern_key, line.action_category, line.scope::text
FROM overrides_membership AS held JOIN overrides_line AS line ON line.id = held.line_id
WHERE held.to_version IS NULL ORDER BY held.id
"""
AGED = """
SET session_replication_role = replica;
UPDATE learning_configs SET published_at = published_at - interval '60 days'
    WHERE number < (SELECT max(number) FROM learning_configs);
UPDATE overrides_line SET created_at = created_at - interval '60 days';
SET session_replication_role = origin
"""


@dataclass(frozen=True)
class Head:
    """What is stored of a decision in columns of its own."""

    decision_id: UUID
    at: datetime
    pattern_key: str
    action_category: str
    module: str = "pm"
    version: int | None = 40
    challenger_version: int | None = None
    combiner: str = "pm_strength=plan"
    mode: str = "on"
    reason: str = "COMBINED"
    flags: tuple[str, ...] = ("STEP_LIMITED",)
    numeric_build: str = "bench"
    format: int | None = None
    latency_us: float | None = 50.0
    key: str | None = None


def packed(lines: list[tuple[str, str]]) -> Packed:
    """Return the trace of a decision that these overrides, by line, took part in; the last ones were left out."""
    lever = {
        "served": 1.02, "value": 1.02, "target": 1.05, "stepped": 1.02, "current": 1.0, "neutral": 1.0,
        "combiner": "plan", "support": 0.05, "prior_weight": 0.0, "cut": -0.03, "step_limited": True, "bounded": False,
        "flags": ["STEP_LIMITED"],
    }  # fmt: skip
    weight = dict.fromkeys(("w_edge", "w_n", "w_var", "w_spec", "w_decay", "w_total"), 0.5)
    moved = [
        {"id": override, "line": line, "parts": {"size_mult": 0.01}, "targets": {"size_mult": 1.05}, "ramping": []}
        | weight
        for line, override in lines[:-LEFT_OUT]
    ]
    excluded = [
        {"id": override, "line": line, "reason": "BELOW_FLOOR", "w_total": 0.001}
        for line, override in lines[-LEFT_OUT:]
    ]
    return pack(Served({"size_mult": lever}), Moved(moved, excluded, {}))


def log(decisions: int, now: datetime) -> None:
    """Log the decisions evenly over the window; two thirds of the lines are met."""
    with connection.cursor() as cursor:
        cursor.execute(LINES)
        lines: list[Any] = cursor.fetchall()
    met = lines[: max(MATCHED, 2 * len(lines) // 3)]
    kinds = []
    for start in range(0, len(met) - MATCHED + 1, MATCHED):
        some = met[start : start + MATCHED]
        trace = packed([(line, override) for line, override, *_ in some])
        store_constants({each.key: each for each in trace.constants})
        kinds.append((trace, *some[0][2:]))
    request = fact_json({}).encode()

    def rows(first: int) -> Iterator[bytes]:
        for n in range(first, min(first + BATCH, decisions)):
            at = now - timedelta(days=DAYS) * ((decisions - n) / decisions)
            trace, pattern_key, category, scope = kinds[n * 7919 % len(kinds)]
            head = Head(uuid7(at), at, pattern_key, category)
            yield traced_row(head, scope.encode(), request, trace.content, trace.movers)

    for first in range(0, decisions, BATCH):
        copy_binary(Decision, TRACED, list(rows(first)))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def plan(statement: str, values: dict[str, Any]) -> None:
    """Print the plan of a query with its times."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {statement}", values)
        sys.stderr.write("\n".join(row[0] for row in cursor.fetchall()) + "\n\n")


def run(overrides: int = OVERRIDES, decisions: int = DECISIONS, rounds: int = ROUNDS, *, plans: bool = False) -> None:
    fill(overrides, 1000, 1000, 1000)
    now = datetime.now(UTC)
    with connection.cursor() as cursor:  # all but the last version are older than the window
        cursor.execute(AGED)
    log(decisions, now)
    of = {"lines": overrides, "decisions": decisions}
    first = timed(lambda: count_use(now=now))
    figure("never_matched", "first_count", first.wall, "s", cpu=round(first.cpu, 2), **of)
    nightly = timed(lambda: count_use(now=now))
    figure("never_matched", "nightly_count", nightly.wall, "s", cpu=round(nightly.cpu, 2), bar=60, **of)
    client = Client()
    client.force_login(make_person("reviewer", is_staff=True, groups=("reviewer",)))
    address = "/admin/never-matched/?module=pm"
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        client.get(address)
    queries = len(captured)
    taken = 1000 * median(timed(lambda: client.get(address)).wall for _ in range(rounds))
    bars = {"bar": MOST_MILLISECONDS, "queries": queries, "bar_queries": MOST_QUERIES}
    figure("never_matched", "page", taken, "ms", **bars, **of)
    if plans:
        values = {"module": "pm", "since": now - timedelta(days=DAYS), "uses": [*never_matched.IDLE], "most": 100}
        for statement in (never_matched._LISTED, never_matched._COUNTED, never_matched._VALUES):
            plan(statement, values)


if __name__ == "__main__":
    with scratch_database():
        run(*(int(each) for each in sys.argv[1:] if each != PLANS), plans=PLANS in sys.argv[1:])
