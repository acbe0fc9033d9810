"""The queue of decisions: batched, and never lost silently, whatever happens to the database."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import OperationalError, connection

from telemetry.decisions import decision_queue
from telemetry.decisions.decision_log import COLUMNS, DecisionRecord, Form, record_decisions, write_batch
from telemetry.decisions.decision_queue import DecisionQueue
from telemetry.decisions.spill import Spill
from telemetry.models import Decision
from tests.builders import database_away, make_decision, wait_until
from tests.telemetry.foundation.api.test_time_limits import held

Queue = DecisionQueue[DecisionRecord]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the queue's file is."""
    return tmp_path / "spill"


@pytest.fixture
def queue(transactional_db: None, folder: Path) -> Iterator[Queue]:
    """A queue that writes only when it is flushed, not by time."""
    queue: Queue = DecisionQueue(batch=3, seconds=3600, limit=5, spill=Spill(folder))
    yield queue
    queue.close()


def stored() -> set[object]:
    return set(Decision.objects.values_list("decision_id", flat=True))


def ids(*decisions: DecisionRecord) -> set[object]:
    return {decision.decision_id for decision in decisions}


class TestDecisionQueue:
    def test_writes_by_itself_after_a_while(self, transactional_db: None) -> None:
        queue: Queue = DecisionQueue(seconds=0.01)
        decisions = [make_decision() for _ in range(3)]

        queue.put(decisions)

        wait_until(lambda: stored() == ids(*decisions), "the queue to write")
        queue.close()
        assert len(queue) == 0

    def test_writes_at_once_when_a_batch_is_full(self, queue: Queue) -> None:
        decisions = [make_decision() for _ in range(3)]

        for decision in decisions:
            queue.put([decision])

        wait_until(lambda: stored() == ids(*decisions), "the full batch to be written")

    def test_flushes_all_that_waits_in_order(self, queue: Queue) -> None:
        decisions = [make_decision()]
        queue.put(decisions)

        assert queue.flush() == 1
        assert (stored(), len(queue), queue.flush()) == (ids(*decisions), 0, 0)

    def test_holds_on_to_everything_while_the_database_is_away(self, queue: Queue) -> None:
        decisions = [make_decision() for _ in range(2)]

        with database_away():
            queue.put(decisions)
            for _ in range(2):
                with pytest.raises(OperationalError):
                    queue.flush()
            assert len(queue) == 2

        assert queue.flush() == 2
        assert stored() == ids(*decisions)

    def test_moves_the_oldest_to_a_file_when_full_and_stores_them_when_the_database_is_back(
        self, queue: Queue, caplog: pytest.LogCaptureFixture
    ) -> None:
        decisions = [make_decision() for _ in range(5)]

        with database_away():
            queue.put(decisions)
            wait_until(lambda: queue.counters()["spilled"] > 0, "the queue to move decisions to its file")
            assert len(queue) < 5

        queue.put([make_decision() for _ in range(3)])
        wait_until(lambda: stored() >= ids(*decisions), "the decisions of the file to be stored")
        assert (queue.counters()["dropped"], logged(caplog)) == (0, [])
        assert queue.counters()["spill_bytes"] == 0

    def test_logs_the_oldest_when_full_and_no_file_takes_them(
        self, transactional_db: None, caplog: pytest.LogCaptureFixture
    ) -> None:
        queue: Queue = DecisionQueue(batch=3, seconds=3600, limit=5)
        decisions = [make_decision() for _ in range(5)]

        with database_away():
            queue.put(decisions)
            wait_until(lambda: len(queue) < 5, "the queue to make room")

        queue.close()
        assert stored() == ids(*decisions[3:])
        assert logged(caplog) == [str(decision.decision_id) for decision in decisions[:3]]
        assert queue.counters()["dropped"] == 3

    def test_never_waits_while_the_table_is_locked(self, queue: Queue) -> None:
        with held("LOCK TABLE telemetry_decision IN ACCESS EXCLUSIVE MODE"):
            started = time.monotonic()
            for _ in range(20):
                queue.put([make_decision()])
            assert time.monotonic() - started < 1

    def test_names_what_it_drops_when_the_disk_is_too_slow_as_well(
        self, transactional_db: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        queue: Queue = DecisionQueue(batch=3, seconds=3600, limit=5)
        monkeypatch.setattr(queue, "start", lambda: None)  # no thread makes room
        decisions = [make_decision() for _ in range(12)]

        queue.put(decisions)
        queue.close()

        assert queue.counters()["dropped"] == 2 + 10  # two of them for want of room, ten to the log at the end
        assert ", ".join(str(each.decision_id) for each in decisions[:2]) in caplog.text

    def test_is_not_held_up_by_a_decision_the_database_refuses(
        self, queue: Queue, caplog: pytest.LogCaptureFixture
    ) -> None:
        good, bad, last = make_decision(), make_decision(numeric_build="x" * 81), make_decision()

        for decision in (good, bad, last):
            queue.put([decision])

        wait_until(lambda: stored() == ids(good, last), "the good ones to be written")
        queue.close()
        assert logged(caplog) == [str(bad.decision_id)]

    def test_takes_no_offence_at_what_was_stored_before_the_connection_broke(
        self, queue: Queue, caplog: pytest.LogCaptureFixture
    ) -> None:
        first, second = make_decision(), make_decision()
        record_decisions([first])

        queue.put([replace(first)])
        queue.put([second])
        queue.flush()

        assert stored() == ids(first, second)
        assert logged(caplog) == []

    def test_writes_what_waits_when_it_is_closed(self, queue: Queue) -> None:
        decision = make_decision()
        queue.put([decision])

        queue.close()

        assert stored() == ids(decision)

    def test_keeps_what_waits_in_a_file_when_it_is_closed_while_the_database_is_away(
        self, queue: Queue, folder: Path, transactional_db: None
    ) -> None:
        decision = make_decision()

        with database_away():
            queue.put([decision])
            queue.close()

        assert queue.counters()["spilled"] == 1
        heir: Queue = DecisionQueue(seconds=0.01, spill=Spill(folder))
        heir.put([])
        wait_until(lambda: stored() == ids(decision), "another process to store it")
        heir.close()
        assert heir.counters()["reloaded"] == 1

    def test_writes_a_durable_decision_before_it_answers(self, queue: Queue) -> None:
        decision = make_decision()

        assert queue.put_durable([decision]) is True
        assert stored() == ids(decision)

    def test_does_not_wait_longer_than_it_says_for_a_durable_decision(self, queue: Queue) -> None:
        decision = make_decision()

        with held("LOCK TABLE telemetry_decision IN ACCESS EXCLUSIVE MODE"):
            started = time.monotonic()
            assert queue.put_durable([decision], seconds=0.2) is False
            assert time.monotonic() - started < 0.5

        wait_until(lambda: queue.counters()["late"] == 1, "the decision to be written late")
        assert stored() == ids(decision)
        assert queue.counters()["durable_waits"] == 1

    @pytest.mark.parametrize("in_memory", [9, 3])
    def test_writes_a_durable_decision_before_the_rest_of_what_waits_in_memory_or_on_disk(
        self, transactional_db: None, folder: Path, in_memory: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        queue: Queue = DecisionQueue(batch=3, seconds=3600, spill=Spill(folder))
        others, urgent = [make_decision() for _ in range(9)], make_decision()
        written: list[DecisionRecord] = []

        def write(batch: Sequence[DecisionRecord], form: Form[DecisionRecord]) -> tuple[int, int]:
            if len(written) == 3:
                queue.put_durable([urgent], seconds=0)  # while the second three are written
            written.extend(batch)
            return write_batch(batch, form)

        monkeypatch.setattr(decision_queue, "write_batch", write)
        ended = Spill(folder)
        ended.write(others[in_memory:])
        ended.release()
        queue.put(others[:in_memory])

        wait_until(lambda: len(written) == 10, "all of them to be written")
        queue.close()
        assert written[6] == urgent

    def test_is_not_held_up_by_a_decision_without_a_row(self, queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
        good, bad = make_decision(), make_decision(scope={"a": object()})

        queue.put([good, bad])
        queue.flush()

        assert stored() == ids(good)
        assert queue.counters()["refused"] == 1
        assert str(bad.decision_id) in caplog.text

    def test_writes_what_waits_when_the_process_ends(self, transactional_db: None) -> None:
        script = (
            "import django; django.setup()\n"
            "from telemetry.decisions.decision_queue import DecisionQueue\n"
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
