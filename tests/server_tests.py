"""The tests whose subject is PostgreSQL, the queue or Redis itself: CI runs them on two versions of each server.

Pages, forms, charts, hostile bodies and the arithmetic of the cores give the same answer on any version, so CI runs
them once. A test in `tests/test_architecture.py` fails where a file that speaks SQL, COPY, Redis or the queue itself is
missing from both lists. The file needs the standard library alone: `python3 tests/server_tests.py` prints the paths.
"""

from __future__ import annotations

import sys

SERVERS = (
    "tests/bypass/people",
    "tests/bypass/test_application_role.py",
    "tests/bypass/test_at_once.py",
    "tests/bypass/test_queue.py",
    "tests/bypass/test_tables.py",
    "tests/bypass/test_ways_round.py",
    "tests/bypass/ways",
    "tests/config/access/api/test_throttle.py",
    "tests/config/access/test_key_life.py",
    "tests/config/access/test_keys.py",
    "tests/config/access/test_migrations.py",
    "tests/config/api/test_health.py",
    "tests/config/imports/test_import_trades.py",
    "tests/config/stream",
    "tests/config/test_queues.py",
    "tests/config/test_worker.py",
    "tests/learning/coefficients",
    "tests/learning/lessons/test_aggregate.py",
    "tests/learning/lessons/test_build.py",
    "tests/learning/lessons/test_count_cells.py",
    "tests/learning/readers",
    "tests/outages",
    "tests/overrides/api/test_local_decisions.py",
    "tests/overrides/models",
    "tests/overrides/requests/test_auto_publish.py",
    "tests/overrides/requests/test_evidence.py",
    "tests/overrides/requests/test_renewal.py",
    "tests/overrides/requests/test_renewal_trail.py",
    "tests/overrides/requests/test_trial.py",
    "tests/overrides/monitoring/exploring/test_arms.py",
    "tests/overrides/monitoring/earning/test_earned.py",
    "tests/overrides/monitoring/earning/test_holdback.py",
    "tests/overrides/monitoring/replaying/test_replay.py",
    "tests/overrides/monitoring/verify_trail",
    "tests/overrides/serving/test_arms.py",
    "tests/overrides/serving/test_confirmations.py",
    "tests/overrides/serving/test_engine.py",
    "tests/overrides/versions",
    "tests/telemetry/audit",
    "tests/telemetry/decisions",
    "tests/telemetry/foundation/api/test_idempotency.py",
    "tests/telemetry/foundation/api/test_list_view.py",
    "tests/telemetry/foundation/api/test_time_limits.py",
    "tests/telemetry/foundation/test_background_results.py",
    "tests/telemetry/foundation/test_job_runs.py",
    "tests/telemetry/foundation/test_migration_sql.py",
    "tests/telemetry/foundation/test_snapshot.py",
    "tests/telemetry/models",
    "tests/telemetry/recording/test_dirty_groups.py",
    "tests/telemetry/recording/test_import_files.py",
    "tests/telemetry/recording/test_imports_at_risk.py",
    "tests/telemetry/recording/test_match_recorded.py",
    "tests/telemetry/recording/test_outcome_scopes.py",
    "tests/telemetry/recording/test_rank_books.py",
    "tests/telemetry/recording/test_record_episodes.py",
    "tests/telemetry/recording/test_record_trades.py",
    "tests/test_an_approver_gone.py",
    "tests/test_flow.py",
    "tests/test_sql_files.py",
)
# They look like it, and yet what they test does not depend on the version of a server.
INDEPENDENT = (
    "tests/bench",  # run by hand
    "tests/browser",  # pages
    "tests/bypass/test_doors.py",  # which verb stands behind a page; what refuses a write is tested beside it
    "tests/config/access/test_roles.py",  # counts queries of pages
    "tests/config/demo",  # its story runs through the queue once, and `./dev demo` once more
    "tests/config/operations/test_job_punctuality.py",  # reads the beat table
    "tests/overrides/admin",  # pages
    "tests/stateful",  # the verbs in any order; the triggers behind them are tested one by one
    "tests/test_a_week_of_hours.py",  # one long story of the verbs that are tested here by themselves
    "tests/test_architecture.py",  # reads the source
    "tests/test_hostile_parameters.py",  # queries that are refused before they reach a server
    "tests/test_hostile_requests.py",  # bodies that are refused before they reach a server
)

if __name__ == "__main__":
    sys.stdout.write("\n".join(SERVERS) + "\n")
