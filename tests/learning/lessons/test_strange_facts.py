"""Unusual facts are learned from without a number that is none, or refused with advice."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from learning.core.evidence_method.blocks import BudgetExceeded
from learning.lessons.build_evidence import Unlearnable
from learning.models import BuilderRun, Lesson
from learning.tasks import build_task, noise_twin_task
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from telemetry.foundation.models import JobRun
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    KEY,
    NOW,
    action_payload,
    make_parameters,
    make_trade,
    make_trades,
    publish,
)
from tests.learning.lessons.evidence_builds import HOUR, build, snapshot
from tests.learning.phases import evidence_parameters, record_phases


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for each in value.values():
            yield from numbers(each)
    elif isinstance(value, list):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, float):
        yield value


def refuse_nan() -> None:
    stored: list[tuple[Any, ...]] = [*Lesson.objects.values_list("stats", "targets", "edge_raw", "weight")]
    stored += BuilderRun.objects.values_list("tested", "baseline")
    assert all(math.isfinite(each) for row in stored for each in numbers(list(row)))


@pytest.mark.django_db
class TestStrangeFacts:
    @pytest.mark.parametrize(
        "outcomes",
        [[1.0] * 60, [0.0] * 60, [2.5], [3e4, -3e4] * 15, [0.1 + each / 100 for each in range(60)]],
        ids=["constant", "zero", "one trade", "very large", "all wins"],
    )
    def test_are_learned_from_without_a_number_that_is_none(self, outcomes: list[float]) -> None:
        record_trades(make_trades(outcomes, scope={"macro_phase": "Good"}, prefix="a"), now=NOW)
        record_trades(make_trades(outcomes, scope={"macro_phase": "Dip"}, prefix="b"), now=NOW)

        build()

        refuse_nan()
        assert not Lesson.objects.filter(stats__verified=True).exists()

    def test_of_no_scale_are_refused_by_the_name_of_their_pattern(self) -> None:
        record_trades(make_trades([1e9, -1e9] * 15), now=NOW)

        with pytest.raises(Unlearnable, match=f"^rr: outcomes of {KEY} scatter by 1e\\+09 R; correct or exclude"):
            build()

        assert not BuilderRun.objects.exists()

    def test_without_any_give_an_empty_run(self) -> None:
        run = build()

        assert (run.n_cells, run.n_candidates, run.n_active, run.baseline, run.tested) == (0, 0, 0, {}, None)

    def test_given_twice_count_once_in_a_cluster(self) -> None:
        """Every trade twice in one cluster is the same evidence: the same edges, equally certain."""
        for copies in (1, 2):
            for name, rrs in (("Good", [2.0, 0.5] * 20), ("Dip", [0.5, -1.0] * 20)):
                for copy in range(copies):
                    for trade in make_trades(rrs, scope={"macro_phase": name}, prefix=f"{copies} {copy} {name}"):
                        cluster = f"{copies} {name} {trade.external_id[-3:]}"
                        record_trades([make_trade(
                            trade.external_id, rr=trade.rr, cluster_id=cluster, opened_at=trade.opened_at.isoformat(),
                            closed_at=trade.closed_at.isoformat(), actions=[action_payload(
                                scope={"macro_phase": name}, at=trade.opened_at.isoformat(),
                                pattern_key=f"copies.of.{copies}")],
                        )], now=NOW)  # fmt: skip

        for copies in (1, 2):
            publish(parameters=make_parameters(lessons={"dimensions": ["macro_phase"]}))
            build(NOW + copies * HOUR)
        stats = {
            (each.pattern_key, each.scope.get("macro_phase")): (each.stats["n"], each.stats["weight_sum"])
            for each in Lesson.objects.all()
        }

        assert stats["copies.of.1", "Good"] == pytest.approx(stats["copies.of.2", "Good"], rel=1e-12)

    def test_beyond_the_budget_are_refused_with_advice_and_change_nothing(self) -> None:
        record_phases()
        build()
        before = snapshot()
        eighteen = [*ModuleParameters.default("pm").dimensions, *(f"dim{number}" for number in range(8))]
        publish(
            parameters=make_parameters(
                lessons={"dimensions": eighteen},
                dimensions=eighteen,
                evidence=ModuleParameters.default("pm").evidence.to_document() | {"index_budget": 1000},
            )
        )

        with pytest.raises(BudgetExceeded, match=r"^scope: 240 rows .* drop some, set max_subset_size to 1"):
            build(NOW + HOUR)

        assert snapshot() == before

    def test_beyond_the_budget_make_a_failed_job_that_says_what_to_do(self) -> None:
        record_phases()
        publish(parameters=evidence_parameters(cell_budget=1))

        build_task(module="pm", policy="evidence", now=NOW.isoformat())
        noise_twin_task(module="pm", policy="evidence", now=NOW.isoformat())

        for job in ("build pm evidence", "noise twin pm evidence"):
            run = JobRun.objects.get(job=job)
            assert run.status == "failed"
            assert run.error.startswith("scope: more than the 1 cells of cell_budget")
            assert "Traceback" not in run.error
        assert not BuilderRun.objects.exists()
