"""The queue of decisions: batched, and never lost silently, whatever happens to the database."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import OperationalError, connection

from telemetry.decisions.decision_log import COLUMNS, DecisionQueue, DecisionRecord, record_decisions
from telemetry.foundation.core.identifiers import uuid7
from telemetry.models import Decision
from tests.builders import NOW, database_away, make_decision, wait_until

ROOT = Path(__file__).parents[3]


@pytest.fixture
def queue(transactional_db: None) -> Iterator[DecisionQueue]:
    """A queue that writes only when it is flushed, not by time."""
    queue = DecisionQueue(batch=3, seconds=3600, limit=5)
    yield queue
    queue.close()


def stored() -> set[object]:
    return set(Decision.objects.values_list("decision_id", flat=True))


def ids(*decisions: DecisionRecord) -> set[object]:
    return {decision.decision_id for decision in decisions}


@pytest.mark.django_db
class TestRecordDecisions:
    def test_writes_every_column(self) -> None:
        decision = make_decision(
            flags=("STEP_LIMITED", "RAMPING"),
            request={"current": {"size_mult": 1.05}, "rollout_key": 'a "quoted"\tkey\\'},
            challenger={"reason": "SINGLE"},
            contributions=[{"id": "o", "parts": {"size_mult": 0.1}}],
        )

        assert record_decisions([decision]) == 1

        row = Decision.objects.get()
        kept = {name: getattr(row, name) for name in COLUMNS}
        assert kept == {name: getattr(decision, name) for name in COLUMNS} | {"flags": ["STEP_LIMITED", "RAMPING"]}

    def test_files_each_under_the_month_in_its_id(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT extend_decision_partitions(%s, 2)", [NOW])
        moments = [NOW, datetime(2026, 4, 1, tzinfo=UTC), datetime(2001, 1, 1, tzinfo=UTC)]
        record_decisions([make_decision(decision_id=uuid7(moment)) for moment in moments])

        with connection.cursor() as cursor:
            cursor.execute("SELECT tableoid::regclass::text FROM telemetry_decision ORDER BY decision_id")
            tables = [table.removeprefix("decision_partitions.") for (table,) in cursor.fetchall()]
        assert tables == ["other", "month_2026_03", "month_2026_04"]


class TestDecisionQueue:
    def test_writes_by_itself_after_a_while(self, transactional_db: None) -> None:
        queue, decisions = DecisionQueue(seconds=0.01), [make_decision() for _ in range(3)]

        queue.put(decisions)

        wait_until(lambda: stored() == ids(*decisions), "the queue to write")
        queue.close()
        assert len(queue) == 0

    def test_writes_at_once_when_a_batch_is_full(self, queue: DecisionQueue) -> None:
        decisions = [make_decision() for _ in range(3)]

        for decision in decisions:
            queue.put([decision])

        wait_until(lambda: stored() == ids(*decisions), "the full batch to be written")

    def test_flushes_all_that_waits_in_order(self, queue: DecisionQueue) -> None:
        decisions = [make_decision()]
        queue.put(decisions)

        assert queue.flush() == 1
        assert (stored(), len(queue), queue.flush()) == (ids(*decisions), 0, 0)

    def test_holds_on_to_everything_while_the_database_is_away(self, queue: DecisionQueue) -> None:
        decisions = [make_decision() for _ in range(2)]

        with database_away():
            queue.put(decisions)
            for _ in range(2):
                with pytest.raises(OperationalError):
                    queue.flush()
            assert len(queue) == 2

        assert queue.flush() == 2
        assert stored() == ids(*decisions)

    def test_writes_in_the_thread_that_fills_it(self, queue: DecisionQueue) -> None:
        decisions = [make_decision() for _ in range(5)]

        queue.put(decisions)

        assert (len(queue), stored()) == (0, ids(*decisions))

    def test_logs_the_oldest_batch_when_full_and_the_database_is_away(
        self, queue: DecisionQueue, caplog: pytest.LogCaptureFixture
    ) -> None:
        decisions = [make_decision() for _ in range(5)]

        with database_away():
            queue.put(decisions)

        assert queue.flush() == 2
        assert stored() == ids(*decisions[3:])
        assert logged(caplog) == [str(decision.decision_id) for decision in decisions[:3]]

    def test_is_not_held_up_by_a_decision_the_database_refuses(
        self, queue: DecisionQueue, caplog: pytest.LogCaptureFixture
    ) -> None:
        good, bad, last = make_decision(), make_decision(numeric_build="x" * 81), make_decision()

        for decision in (good, bad, last):
            queue.put([decision])

        wait_until(lambda: stored() == ids(good, last), "the good ones to be written")
        queue.close()
        assert logged(caplog) == [str(bad.decision_id)]

    def test_takes_no_offence_at_what_was_stored_before_the_connection_broke(
        self, queue: DecisionQueue, caplog: pytest.LogCaptureFixture
    ) -> None:
        first, second = make_decision(), make_decision()
        record_decisions([first])

        queue.put([replace(first)])
        queue.put([second])
        queue.flush()

        assert stored() == ids(first, second)
        assert logged(caplog) == []

    def test_writes_what_waits_when_it_is_closed(self, queue: DecisionQueue) -> None:
        decision = make_decision()
        queue.put([decision])

        queue.close()

        assert stored() == ids(decision)

    def test_logs_what_waits_when_it_is_closed_while_the_database_is_away(
        self, queue: DecisionQueue, caplog: pytest.LogCaptureFixture
    ) -> None:
        decision = make_decision()

        with database_away():
            queue.put([decision])
            queue.close()

        assert (len(queue), logged(caplog)) == (0, [str(decision.decision_id)])

    def test_writes_what_waits_when_the_process_ends(self, transactional_db: None) -> None:
        script = (
            "import django; django.setup()\n"
            "from telemetry.decisions.decision_log import DecisionQueue\n"
            "from tests.builders import make_decision\n"
            "DecisionQueue(seconds=3600).put([make_decision()])"
        )
        settings = connection.settings_dict
        login = f"{settings['USER']}:{settings['PASSWORD']}@{settings['HOST']}:{settings['PORT']}"
        environment = {
            "DATABASE_URL": f"postgres://{login}/{settings['NAME']}", "DJANGO_SETTINGS_MODULE": "config.settings",
        }  # fmt: skip

        subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, env=os.environ | environment, timeout=60)

        assert Decision.objects.count() == 1


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the ids of the decisions that were logged whole, as JSON."""
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    documents = [json.loads(message[message.index("): [") + 3 :]) for message in errors]
    assert all(len(document) == len(COLUMNS) for document in documents)
    return [document[0] for document in documents]
