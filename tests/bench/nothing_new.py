"""What the hourly build and the nightly check of the trail cost where nothing, or little, is new.

    ./dev bench nothing_new --rows 100000 --entries 200000

The build reads one group of many rows, as `build_plan` does. The trail has that many entries, of which the last hundred
came after the last verified head.
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from django.db import connection
from django.test.utils import override_settings

from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_due
from overrides.core.engine.definitions.vocabulary import LearningMethod
from telemetry.audit import verify_trail
from telemetry.audit.verify_trail import verify_nightly
from telemetry.foundation.models import JobRun
from telemetry.models import DirtyGroup
from tests.bench.build_evidence import write
from tests.bench.build_plan import GROUP, one_group
from tests.bench.report import figure, scratch_database, timed
from tests.bench.worlds import NOW

BENCH = "nothing_new"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEW, BATCH = 100, 5_000
ENTRIES = """
INSERT INTO telemetry_auditentry (seq, previous_hash, hash, content, written_at, transaction, format, epoch)
SELECT 0, '', '', jsonb_build_object('actor', 'a', 'action', 'x', 'object', 'bench ' || number, 'reason', '',
    'before', NULL, 'after', NULL, 'at', to_char(%(at)s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'request_id', '')::text, %(at)s, 0, 0, 0
FROM generate_series(1, %(count)s) AS number
"""


def build(rows: int) -> None:
    """Measure a build, and the next one an hour later."""
    write(one_group(rows, 0))
    DirtyGroup.objects.create(**GROUP._asdict(), marked_at=NOW)
    aggregate_dirty(now=NOW)
    first = timed(lambda: build_due(module="pm", policy=LearningMethod.PLAN, now=NOW))
    again = [timed(lambda: build_due(module="pm", policy=LearningMethod.PLAN, now=NOW + HOUR)) for _ in range(5)]
    cost = sorted(each.cpu for each in again)[2]
    figure(BENCH, "build, everything new", first.cpu, "s CPU", rows=rows)
    figure(BENCH, "build, nothing new", cost, "s CPU", rows=rows, bar="costs nothing", share=round(cost / first.cpu, 5))


def verify(entries: int) -> None:
    """Measure a whole check of the trail, and one from the last verified head on."""
    _entries(entries)
    now = datetime.now(UTC)
    whole = timed(lambda: verify_nightly(now=now))
    _entries(NEW)
    with patch.object(verify_trail, "WHOLE_UP_TO", 0):
        new = timed(lambda: verify_nightly(now=now + DAY))
    detail = JobRun.objects.filter(job="verify audit").latest("finished_at").detail
    context = {"entries": entries, "read": detail["entries read"]}
    figure(BENCH, "verify, whole trail", whole.cpu, "s CPU", entries=entries)
    figure(BENCH, "verify, from the last verified head", new.cpu, "s CPU", **context)


def _entries(count: int) -> None:
    """Write entries, batch by batch, because the trail takes no time but the present."""
    for first in range(0, count, BATCH):
        at = datetime.now(UTC).replace(microsecond=0)
        with connection.cursor() as cursor:
            cursor.execute(ENTRIES, {"at": at, "count": min(BATCH, count - first)})


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench nothing_new", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--entries", type=int, default=200_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, scratch_database():
        with override_settings(AUDIT_HEAD_FILE=str(Path(home) / "heads.jsonl")):
            verify(chosen.entries)
        build(chosen.rows)


if __name__ == "__main__":
    main()
