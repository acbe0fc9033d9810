"""Scorecards of 100,000 shares and 2,000 lines: computing all of them, finding nothing new, and the pages.

Every trade closes on an answer in which two overrides acted. The rows are written as attribution leaves them.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from statistics import median

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from overrides.models import Scorecard
from overrides.monitoring.scoring.scorecards import JOB, score
from overrides.monitoring.scoring.touched_trades import touched_trades
from telemetry.foundation.models import JobRun
from tests.bench.report import figure, scratch_database, timed
from tests.people import make_person

SHARES, LINES, PATTERNS, DAYS = 100_000, 2_000, 40, 365
MOST_SECONDS, MOST_MILLISECONDS, MOST_QUERIES = 0.3, 300, 12
ROUNDS = 5

# Triggers are off: nobody requested these overrides, and no trade of these was recorded.
WORLD = """
SET session_replication_role = replica;
INSERT INTO overrides_line (id, module, channel, policy, pattern_key, action_category, scope, created_at)
SELECT lpad(to_hex(i), 64, '0'), 'pm', 'pm_strength', 'evidence', 'family' || i %% %(patterns)s || '.long.x', 'entry',
    jsonb_build_object('dimension', i::text), now() FROM generate_series(1, %(lines)s) i;
INSERT INTO overrides_override (id, line_id, edge_raw, n, variance, half_life_days, updated_at, levers, promise, source,
    created_at)
SELECT id, id, 0.1, 100, 2, 360, now(), '{"size_mult": 1.05}', jsonb_build_object('predicted',
    0.02 * (1 + ('x' || right(id, 2))::bit(8)::int %% 20), 'sd', 0.05, 'mu0', 0.1, 's_p', 1.4), 'lesson', now()
FROM overrides_line;
INSERT INTO telemetry_decisionconstants (key, override_id, line_id, packed)
SELECT i, lpad(to_hex(i), 64, '0'), lpad(to_hex(i), 64, '0'), '' FROM generate_series(1, %(lines)s) i;
CREATE TEMP TABLE world AS SELECT i, gen_random_uuid() AS trade,
    overlay(gen_random_uuid()::text placing '019d0000' from 1 for 8)::uuid AS decision,
    timestamptz '2026-01-01' + i * interval '1 day' * %(days)s / %(trades)s AS at, sqrt(-2 * ln(random() + 1e-9)) *
    cos(6.2831853 * random()) AS rr, 1 + i %% %(lines)s AS own, 1 + (i * 7) %% %(lines)s AS other
FROM generate_series(1, %(trades)s) i;
UPDATE world SET other = 1 + own %% %(lines)s WHERE own = other;
INSERT INTO telemetry_trade (id, external_id, revision, correction_reason, is_current, excluded_reason, book, source,
    symbol, side, timeframe, cluster_id, opened_at, closed_at, rr, digest, recorded_at)
SELECT trade, i::text, 1, '', true, '', 'paper', '', 'BTC/USDT', '', '', '', at, at, rr, '', at FROM world;
INSERT INTO telemetry_action (trade_id, index, module, pattern_key, action_category, at, scope, decision_ids, controls,
    counterfactuals, buckets, replays, taken_arms)
SELECT trade, 0, 'pm', 'p', 'entry', at, '{}', ARRAY[decision], '{}', '{}', '{}', '{}', '{}' FROM world;
INSERT INTO telemetry_decision (decision_id, module, pattern_key, action_category, scope, at, version, combiner, mode,
    reason, flags, request, levers, contributions, excluded, effect, movers, numeric_build)
SELECT decision, 'pm', 'p', 'entry', '{}', at, 1, '', 'on', 'COMBINED', '{}', '{}', '{}', '[]', '[]', '{}',
    ARRAY[own, other], ''
FROM world;
INSERT INTO telemetry_attribution (trade_id, rr, total, carried, residual, attributed_at)
SELECT trade, rr, 0.1 * rr, 0, 0, at FROM world;
INSERT INTO telemetry_attributionshare (attribution_id, decision_id, lever, override_id, line_id, part, share)
SELECT trade, decision, 'size_mult', lpad(to_hex(mover), 64, '0'), lpad(to_hex(mover), 64, '0'), 0.05, 0.05 * rr
FROM world CROSS JOIN unnest(ARRAY[own, other]) mover;
INSERT INTO telemetry_decisionoutcome (decision_id, trade_id, action_index, rr, unattributed)
SELECT decision, trade, 0, rr, '' FROM world;
SET session_replication_role = origin;
"""
TABLES = (
    "overrides_line", "overrides_override", "telemetry_trade", "telemetry_action", "telemetry_decision",
    "telemetry_attribution", "telemetry_attributionshare", "telemetry_decisionoutcome", "telemetry_decisionconstants",
)  # fmt: skip


def run(shares: int = SHARES, lines: int = LINES, rounds: int = ROUNDS) -> None:
    trades = shares // 2
    with connection.cursor() as cursor:
        cursor.execute(WORLD, {"patterns": PATTERNS, "lines": lines, "trades": trades, "days": DAYS})
        for table in TABLES:
            cursor.execute(f"ANALYZE {table}")
    of = {"shares": shares, "lines": lines}
    now = datetime.now(UTC)
    taken = timed(lambda: sum(1 for _ in touched_trades()))
    figure("scorecards", "touched_trades_wall", taken.wall, "s", cpu_s=round(taken.cpu, 3), **of)
    done = []
    taken = timed(lambda: done.append(score(now=now)))
    figure("scorecards", "all_computed_wall", taken.wall, "s", cpu_s=round(taken.cpu, 3), **of)
    [first] = done
    JobRun.objects.create(job=JOB, period="p", status="done", started_at=now, finished_at=now, detail=first.detail)
    taken = timed(lambda: score(now=now))
    figure("scorecards", "nothing_new_wall", taken.wall, "s", bar=MOST_SECONDS, **of)
    if Scorecard.objects.filter(group="line").count() != lines:
        raise AssertionError("not every line has a scorecard")
    _pages(rounds, of)


def _pages(rounds: int, of: dict[str, int]) -> None:
    client = Client()
    client.force_login(make_person("bench", is_staff=True, is_superuser=True))
    busiest = Scorecard.objects.filter(group="line").latest("trades")
    addresses = {
        "list": reverse("admin:overrides_scorecard_changelist") + "?o=-3",
        "override": reverse("admin:overrides_override_change", args=[busiest.line_id]),
    }
    for name, address in addresses.items():
        with CaptureQueriesContext(connection) as asked:
            if client.get(address).status_code != 200:
                raise AssertionError(f"{address} is not shown")
            queries = len(asked)
        took = median(timed(lambda: client.get(address)).wall for _ in range(rounds))  # noqa: B023  # called at once
        figure("scorecards", f"{name}_page_median", 1000 * took, "ms", bar=MOST_MILLISECONDS, **of)
        figure("scorecards", f"{name}_page_queries", queries, "queries", bar=MOST_QUERIES, **of)


if __name__ == "__main__":
    with scratch_database():
        run(*map(int, sys.argv[1:]))
