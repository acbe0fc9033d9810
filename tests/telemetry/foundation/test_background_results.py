"""Behaviour shared by all background results, tested with the table of noise twins."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import QuerySet

from learning.models import NoiseTwin
from telemetry.foundation.background_results import BackgroundComputation, Progress
from telemetry.foundation.core.refusal import Refused
from telemetry.foundation.models import OutboxMessage
from tests.builders import NOW, run_concurrently, wait_until

pytestmark = pytest.mark.django_db

TASK, KEY = "tests.twin", "a" * 64
PATIENCE = timedelta(minutes=3)
LATER = NOW + PATIENCE + timedelta(seconds=1)
KIND = BackgroundComputation(NoiseTwin, TASK, PATIENCE, expected_errors=Refused)


def fields(found: int = 4) -> dict[str, Any]:
    return {"content": "c", "module": "pm", "policy": "plan", "seed": 1, "as_of": NOW, "found": found}


def stored(**over: Any) -> NoiseTwin:
    """Request a row, then change it directly in the database."""
    KIND.find_or_create(KEY, fields(), now=NOW)
    NoiseTwin.objects.update(**over)
    return NoiseTwin.objects.get()


def counted(row: NoiseTwin, progress: Progress) -> dict[str, Any]:
    return {"count": row.found + 3}


def messages() -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(task=TASK)


class TestAsking:
    def test_makes_the_row_and_sends_the_task(self) -> None:
        row = KIND.request(KEY, fields(), now=NOW)

        assert (row.key, row.found, row.status, row.asked_at, row.seen_at) == (KEY, 4, "waiting", NOW, NOW)
        assert [message.kwargs for message in messages()] == [{"key": KEY}]

    def test_to_find_only_sends_nothing(self) -> None:
        row, is_due = KIND.find_or_create(KEY, fields(), now=NOW)

        assert (row.status, is_due, messages().count()) == ("waiting", True, 0)

    @pytest.mark.parametrize(
        ("status", "now", "is_due"),
        [
            ("waiting", NOW, False),
            ("waiting", LATER, True),
            ("running", NOW + PATIENCE, False),
            ("running", LATER, True),
            ("failed", NOW, True),
            ("done", LATER, False),
        ],
    )
    def test_again_makes_it_due_where_nobody_will_finish_it(self, status: str, now: Any, is_due: bool) -> None:
        stored(status=status, error="old", progress=0.5)

        row = KIND.request(KEY, fields(), now=now)

        row.refresh_from_db()
        expected = ("waiting", "", 0.0, now) if is_due else (status, "old", 0.5, NOW)
        assert (row.status, row.error, row.progress, row.seen_at) == expected
        assert messages().count() == is_due

    def test_again_writes_what_is_renewed_and_nothing_else(self) -> None:
        stored(status="done", count=7)

        plain = KIND.request(KEY, fields(found=9), now=LATER)
        assert (plain.found, plain.asked_at) == (4, NOW)
        replace(KIND, refreshed=("asked_at", "found")).request(KEY, fields(found=9), now=LATER)

        row = NoiseTwin.objects.get()
        assert (row.found, row.asked_at, row.count, row.status, row.seen_at) == (9, LATER, 7, "done", NOW)


class TestRunning:
    def test_writes_the_fields_that_are_computed(self) -> None:
        stored()

        KIND.run(KEY, counted, now=LATER)

        row = NoiseTwin.objects.get()
        assert (row.count, row.status, row.progress, row.attempts) == (7, "done", 1.0, 1)
        assert row.finished_at is not None
        assert row.finished_at >= LATER

    def test_every_progress_is_a_sign_of_life_and_reported(self) -> None:
        stored()
        observed: list[tuple[float, bool]] = []
        reported: list[float] = []

        def compute(row: NoiseTwin, progress: Progress) -> dict[str, Any]:
            for share in (0.5, 1.5):
                progress(share)
                now = NoiseTwin.objects.get()
                observed.append((now.progress, now.seen_at > LATER))
            return {"count": 1}

        KIND.run(KEY, compute, now=LATER, on_progress=reported.append)

        assert observed == [(0.5, True), (1.0, True)]
        assert reported == [0.5, 1.5]

    @pytest.mark.parametrize("status", ["done", "failed"])
    def test_leaves_alone_what_is_finished(self, status: str) -> None:
        stored(status=status)

        KIND.run(KEY, counted, now=LATER)
        KIND.run("b" * 64, counted, now=LATER)

        row = NoiseTwin.objects.get()
        assert (row.status, row.count, row.attempts) == (status, None, 0)

    def test_checks_once_on_a_live_worker(self) -> None:
        stored(status="running", attempts=1)

        for _ in range(2):
            KIND.run(KEY, counted, now=NOW + PATIENCE)

        assert NoiseTwin.objects.get().attempts == 1
        assert [(each.kwargs, each.due_at) for each in messages()] == [({"key": KEY}, NOW + 2 * PATIENCE)]

    def test_takes_over_from_one_that_gives_none(self) -> None:
        stored(status="running", attempts=1, progress=0.5)

        KIND.run(KEY, counted, now=LATER)

        row = NoiseTwin.objects.get()
        assert (row.status, row.attempts, row.count) == ("done", 2, 7)

    def test_stops_at_its_next_progress_once_it_was_overtaken(self) -> None:
        stored()
        reached: list[str] = []

        def compute(row: NoiseTwin, progress: Progress) -> dict[str, Any]:
            NoiseTwin.objects.update(attempts=2)
            reached.append("before")
            progress(0.5)
            reached.append("after")
            return {"count": 1}

        KIND.run(KEY, compute, now=LATER)

        row = NoiseTwin.objects.get()
        assert (reached, row.status, row.count) == (["before"], "running", None)


class TestFailing:
    def fail(self, error: Exception, kind: BackgroundComputation[NoiseTwin] = KIND) -> NoiseTwin:
        stored()

        def compute(row: NoiseTwin, progress: Progress) -> dict[str, Any]:
            raise error

        kind.run(KEY, compute, now=LATER)
        return NoiseTwin.objects.get()

    def test_with_an_expected_error_records_it_and_raises_nothing(self) -> None:
        row = self.fail(Refused.because("drop a dimension"))

        assert (row.status, row.error, row.count) == ("failed", "Refused: drop a dimension", None)
        assert row.finished_at is not None

    def test_with_an_expected_error_uses_the_text_of_its_kind(self) -> None:
        assert self.fail(Refused.because("drop a dimension"), replace(KIND, error_text=str)).error == "drop a dimension"

    def test_with_a_fault_records_its_name_and_raises_it(self) -> None:
        with pytest.raises(ValueError, match="broken"):
            self.fail(ValueError("broken"), replace(KIND, error_text=str))

        row = NoiseTwin.objects.get()
        assert (row.status, row.error) == ("failed", "ValueError: broken")

    def test_after_it_was_overtaken_writes_nothing(self) -> None:
        stored()

        def compute(row: NoiseTwin, progress: Progress) -> dict[str, Any]:
            NoiseTwin.objects.update(attempts=2, progress=0.25)
            raise Refused.because("too late")

        KIND.run(KEY, compute, now=LATER)

        row = NoiseTwin.objects.get()
        assert (row.status, row.attempts, row.progress, row.error) == ("running", 2, 0.25, "")


@pytest.mark.django_db(transaction=True)
class TestSeveralAtOnce:
    def test_compute_once_while_the_others_are_turned_away(self) -> None:
        stored()
        computed: list[int] = []

        def compute(row: NoiseTwin, progress: Progress) -> dict[str, Any]:
            computed.append(row.attempts)
            wait_until(lambda: messages().exists(), "the other worker to leave it")
            return {"count": 1}

        run_concurrently(*[lambda: KIND.run(KEY, compute, now=NOW)] * 2)

        row = NoiseTwin.objects.get()
        assert (computed, row.status, row.attempts) == ([1], "done", 1)
