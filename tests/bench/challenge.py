"""The live version against its challenger over a million logged decisions: the comparison and its page.

The world is that of `pages`. Every decision has a challenger's answer, of which a third moves nothing, and every tenth
belongs to a closed trade.
"""

from __future__ import annotations

import resource
import sys
from datetime import UTC, datetime, timedelta
from statistics import median

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from overrides.models import Challenge
from overrides.monitoring.replaying.challenger import latest, request_comparison, run_comparison
from tests.bench.pages import MOST_MILLISECONDS, MOST_QUERIES, fill
from tests.bench.report import figure, scratch_database, timed
from tests.people import make_person

DECISIONS, OVERRIDES = 1_000_000, 1_000
ROUNDS = 5
PERIOD = timedelta(days=365)
ADDED_DECISIONS = """
SET session_replication_role = replica;
UPDATE telemetry_decision SET challenger_version = 39, challenger = jsonb_build_object('reason', 'SINGLE', 'levers',
    levers || CASE WHEN mod(latency_us::int + get_byte(uuid_send(decision_id), 15), 3) = 0 THEN
        '{"size_mult": {"served": 1.0}}'::jsonb ELSE jsonb_build_object('size_mult', jsonb_build_object(
        'served', 1.0, 'value', 1 + (get_byte(uuid_send(decision_id), 14) - 128) / 1000.0, 'bounded', false)) END);
SET session_replication_role = origin;
"""


def run(decisions: int = DECISIONS, overrides: int = OVERRIDES, rounds: int = ROUNDS) -> None:
    fill(overrides, decisions, max(decisions // 5, 1), 10)
    with connection.cursor() as cursor:
        cursor.execute(ADDED_DECISIONS)
        cursor.execute("VACUUM ANALYZE telemetry_decision")
    now = datetime.now(UTC)
    row = request_comparison(module="pm", since=now - PERIOD, until=now, now=now)
    taken = timed(lambda: run_comparison(row.pk, now=now))
    _refuse_unfinished(decisions)
    of = {"decisions": decisions}
    figure("challenge", "compared_wall", taken.wall, "s", cpu_s=round(taken.cpu, 3), **of)
    figure("challenge", "peak_rss", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB", **of)
    _page(rounds, of)


def _refuse_unfinished(decisions: int) -> None:
    kept = latest("pm")
    if kept is None or kept.document is None or kept.document["n"] != decisions:
        raise AssertionError(f"not all are compared: {Challenge.objects.values('status', 'error')}")


def _page(rounds: int, of: dict[str, int]) -> None:
    client = Client()
    client.force_login(make_person("bench", is_staff=True, is_superuser=True))
    address = reverse("admin:overrides_modulemode_challenger", args=["pm"])
    with CaptureQueriesContext(connection) as asked:
        client.get(address)
        queries = len(asked)
    took = median(timed(lambda: client.get(address)).wall for _ in range(rounds))
    figure("challenge", "page_median", 1000 * took, "ms", bar=MOST_MILLISECONDS, **of)
    figure("challenge", "page_queries", queries, "queries", bar=MOST_QUERIES, **of)


if __name__ == "__main__":
    with scratch_database():
        run(*map(int, sys.argv[1:]))
