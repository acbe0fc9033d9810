"""Health of the week: jobs that failed or are late, and what the nightly checks of the trail and of replays found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from config.operations.job_punctuality import punctuality
from config.reports.weekly.shape import Figure, Period, Section, Table, TableRow, address
from telemetry.audit.alarms import REPLAY, VERIFY_AUDIT
from telemetry.foundation.core.words import count_of
from telemetry.foundation.job_runs import RETENTION

_RUNS = """
SELECT job, count(*) FILTER (WHERE status = 'done'), count(*) FILTER (WHERE status = 'failed'),
    coalesce(sum(rows) FILTER (WHERE status = 'done'), 0)::bigint,
    (array_agg(id ORDER BY finished_at DESC) FILTER (WHERE status = 'failed'))[1]
FROM telemetry_jobrun WHERE finished_at >= %(since)s AND finished_at < %(until)s GROUP BY 1 ORDER BY 1
"""
CHECKS = {VERIFY_AUDIT: "Verification of the audit trail", REPLAY: "Replay of decisions"}


def health(week: Period) -> Section:
    """Return the health of jobs and checks; two queries."""
    with connection.cursor() as cursor:
        cursor.execute(_RUNS, week.bounds)
        runs = {row[0]: row[1:] for row in cursor.fetchall()}
    late = sorted(job for job, each in punctuality(now=week.made_at).items() if each["status"] == "late")
    page = address("admin:telemetry_jobrun_changelist")
    is_kept = week.since >= week.made_at - RETENTION
    figures = [_check(job, words, runs, is_kept) for job, words in CHECKS.items()]
    figures.append(_failures(runs, is_kept, page))
    note = ", ".join(late) if late else "as of the time the report was made"
    figures.append(Figure("Jobs that are late", len(late), note=note, link=page))
    failed = [(job, *each) for job, each in runs.items() if each[1]]
    about = "Runs of jobs that finished in the week; records of runs are kept for 30 days."
    return Section("health", "Health", about, figures, [_table(failed)])


def _check(job: str, words: str, runs: Mapping[str, Sequence[Any]], is_kept: bool) -> Figure:
    page = address("admin:telemetry_jobrun_changelist", q=job)
    done, failed, rows, _ = runs.get(job, (0, 0, 0, None))
    if not done and not failed:
        why = "no run finished in the week" if is_kept else "the records of its runs are not kept any more"
        return Figure(f"{words}: runs with findings or errors", None, note=f"not shown: {why}", link=page)
    note = f"{count_of(done, 'run')} without findings; {count_of(rows, 'row')} checked"
    return Figure(f"{words}: runs with findings or errors", failed, note=note, link=page)


def _failures(runs: Mapping[str, Sequence[Any]], is_kept: bool, page: str) -> Figure:
    what = "Runs that failed and did not succeed later"
    if not runs and not is_kept:
        return Figure(what, None, note="not shown: the records of runs are not kept any more", link=page)
    done, failed = (sum(each[place] for each in runs.values()) for place in (0, 1))
    return Figure(what, failed, note=f"{done:,} succeeded", link=page)


def _table(failed: Sequence[Sequence[Any]]) -> Table:
    rows = [
        TableRow((job, count, done), address("admin:telemetry_jobrun_change", newest))
        for job, done, count, _, newest in failed
    ]
    return Table("Jobs with failed runs", ("job", "failed", "succeeded"), rows, (1, 2), nothing="No job failed.")
