"""Noise twins: requested, computed once, stored, and compared with the real lessons."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from learning.core.significance.twin_gate import SEEDS
from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_lessons
from learning.lessons.noise_twin import noise_twin
from learning.models import NoiseTwin
from learning.tasks import noise_twin_task, twin_task
from learning.validation.noise_twin_runs import (
    TAKEN_OVER_AFTER,
    comparable_lessons,
    count_twins,
    request_twins,
    run_twin,
)
from overrides.core.engine.definitions.vocabulary import LearningMethod
from telemetry.foundation.core.refusal import Refused
from telemetry.foundation.models import JobRun, OutboxMessage
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, NOW, make_lesson, make_parameters, make_trades, publish
from tests.learning.opinions import make_evidence_lesson
from tests.learning.phases import evidence_parameters

pytestmark = pytest.mark.django_db

GOOD, DIP = {"macro_phase": "Good"}, {"macro_phase": "Dip"}
HOUR = timedelta(hours=1)


def learn() -> None:
    """Make lessons: trades of one scope win and those of the other lose, every day some of each."""
    record_trades(make_trades([2.0, 1.5] * 60, scope=GOOD, prefix="g", per_day=2), now=NOW)
    record_trades(make_trades([-1.0, -0.5] * 60, scope=DIP, prefix="d", per_day=2), now=NOW)
    aggregate_dirty(now=NOW)
    build_lessons(module="pm", now=NOW)


def sent() -> list[dict[str, Any]]:
    return [each.kwargs for each in OutboxMessage.objects.filter(task="learning.twin").order_by("pk")]


def request_rows(**over: Any) -> list[NoiseTwin]:
    given: dict[str, Any] = {"module": "pm", "policy": LearningMethod.PLAN, "now": NOW}
    return request_twins(**given | over)


class TestAsking:
    def test_sends_a_task_for_each_seed_and_finds_the_same_rows_again(self) -> None:
        learn()

        rows = request_rows()
        again = request_rows(now=NOW + timedelta(minutes=1))

        assert [row.seed for row in rows] == list(SEEDS)
        assert [row.key for row in rows] == [row.key for row in again]
        assert sent() == [{"key": row.key} for row in rows]

    def test_again_after_new_facts_other_parameters_or_another_policy_is_about_something_else(self) -> None:
        learn()
        keys = {request_rows(seeds=[1])[0].key, request_rows(seeds=[1], policy=LearningMethod.EVIDENCE)[0].key}
        keys.add(
            request_rows(seeds=[1], policy=LearningMethod.EVIDENCE, now=NOW + DAY)[0].key
        )  # evidence ages by the day
        record_trades(make_trades([1.0], scope=GOOD, prefix="new"), now=NOW)
        aggregate_dirty(now=NOW + HOUR)
        keys.add(request_rows(seeds=[1])[0].key)
        publish(parameters=make_parameters({"weights": {"min_total_weight": 0.5}}))
        keys.add(request_rows(seeds=[1])[0].key)

        assert len(keys) == 5

    def test_sends_again_what_failed_or_was_abandoned(self) -> None:
        learn()
        failed, lost, running = request_rows(seeds=[1, 2, 3])
        NoiseTwin.objects.filter(pk=failed.pk).update(status="failed", error="a fault")
        NoiseTwin.objects.filter(pk=lost.pk).update(status="running")
        later = NOW + TAKEN_OVER_AFTER + HOUR
        NoiseTwin.objects.filter(pk=running.pk).update(status="running", seen_at=later)

        rows = request_rows(seeds=[1, 2, 3], now=later)

        assert [(row.status, row.error) for row in rows] == [("waiting", ""), ("waiting", ""), ("running", "")]
        assert sent()[3:] == [{"key": failed.key}, {"key": lost.key}]

    @pytest.mark.parametrize("seeds", [[], [-1], [2**31], range(101)])
    def test_refuses_seeds_that_do_not_fit(self, seeds: Any) -> None:
        with pytest.raises(Refused, match="seeds: give 1 to 100 seeds, each from 0 to 2147483647"):
            request_rows(seeds=seeds)
        assert not NoiseTwin.objects.exists()


class TestCounting:
    def test_equals_what_the_pipeline_finds_in_permuted_outcomes(self) -> None:
        learn()
        real = comparable_lessons("pm", LearningMethod.PLAN).count()

        rows = count_twins(module="pm", policy=LearningMethod.PLAN, seeds=[1, 2], now=NOW)

        assert real > 0
        for row in rows:
            assert row.count == noise_twin(module="pm", policy=LearningMethod.PLAN, seed=row.seed, now=NOW)
            assert (row.found, row.status, row.progress) == (real, "done", 1.0)

    def test_is_done_once(self) -> None:
        learn()
        (row,) = count_twins(module="pm", policy=LearningMethod.PLAN, seeds=[1], now=NOW)
        NoiseTwin.objects.filter(pk=row.pk).update(count=99)

        twin_task(key=row.key, now=(NOW + HOUR).isoformat())
        (again,) = count_twins(module="pm", policy=LearningMethod.PLAN, seeds=[1], now=NOW + HOUR)

        assert (again.count, again.attempts) == (99, 1)

    def test_leaves_to_another_worker_what_it_is_at_and_looks_after_it(self) -> None:
        learn()
        (row,) = request_rows(seeds=[1])
        NoiseTwin.objects.filter(pk=row.pk).update(status="running", attempts=1)
        OutboxMessage.objects.update(sent_at=NOW)

        run_twin(row.key, now=NOW)

        row.refresh_from_db()
        assert (row.status, row.attempts, row.count) == ("running", 1, None)
        assert len(sent()) == 2

    def test_takes_over_from_a_worker_that_is_gone(self) -> None:
        learn()
        (row,) = request_rows(seeds=[1])
        NoiseTwin.objects.filter(pk=row.pk).update(status="running", attempts=1)

        run_twin(row.key, now=NOW + TAKEN_OVER_AFTER + HOUR)

        row.refresh_from_db()
        assert (row.status, row.attempts) == ("done", 2)

    def test_an_unknown_twin_is_nobodys(self) -> None:
        run_twin("0" * 64, now=NOW)
        assert not NoiseTwin.objects.exists()

    def test_of_too_much_says_what_to_do(self) -> None:
        learn()
        publish(parameters=evidence_parameters(cell_budget=1))

        with pytest.raises(Refused, match="scope: more than the 1 cells of cell_budget"):
            count_twins(module="pm", policy=LearningMethod.EVIDENCE, seeds=[1], now=NOW)

        assert NoiseTwin.objects.get().status == "failed"

    def test_by_the_task_is_a_row_and_the_rows_of_its_run(self) -> None:
        learn()

        noise_twin_task(module="pm", seed=3, now=NOW.isoformat())

        twin = NoiseTwin.objects.get()
        assert (twin.seed, twin.status) == (3, "done")
        assert JobRun.objects.get(job="noise twin pm").rows == twin.count


class TestFound:
    def test_by_policy_plan_are_those_of_the_channel_a_twin_looks_at(self) -> None:
        make_lesson(scope=GOOD)
        make_lesson(scope=DIP, status="too_light")
        make_lesson({"trail_mult": 1.1}, type="pm_tuning", scope=GOOD)

        assert comparable_lessons("pm", LearningMethod.PLAN).count() == 1

    def test_by_policy_evidence_are_the_verified_ones_of_a_scope(self) -> None:
        make_evidence_lesson(1, scope=GOOD)
        make_evidence_lesson(2, scope=DIP, stats={"verified": False})
        make_evidence_lesson(3, scope={})

        assert comparable_lessons("pm", LearningMethod.EVIDENCE).count() == 1


class TestCommand:
    def run_command(self, *arguments: str) -> str:
        out = io.StringIO()
        call_command("noise_twin", *arguments, stdout=out)
        return out.getvalue()

    def test_tells_what_was_found_and_what_in_noise(self) -> None:
        learn()

        text = self.run_command("--seed", "1", "--seed", "2")

        counts = list(NoiseTwin.objects.order_by("seed").values_list("found", "count"))
        assert text.splitlines() == [
            f"pm, policy plan: {counts[0][0]} found",
            f"  on permuted outcomes, seed 1: {counts[0][1]}",
            f"  on permuted outcomes, seed 2: {counts[1][1]}",
        ]

    def test_tells_json_lines(self) -> None:
        learn()

        (line,) = self.run_command("--seed", "5", "--json").splitlines()

        twin = NoiseTwin.objects.get()
        assert json.loads(line) == {
            "module": "pm", "policy": "plan", "seed": 5, "found": twin.found, "count": twin.count, "key": twin.key,
            "as_of": twin.as_of.isoformat(),
        }  # fmt: skip

    def test_refuses_seeds_that_do_not_fit(self) -> None:
        with pytest.raises(CommandError, match="seeds: give 1 to 100 seeds"):
            self.run_command("--seed", "-1")
