"""Walk-forward runs of stored trades: requested once, computed in the background, equal to what the product serves."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db.models import QuerySet

from learning.core.plan_method.lesson_selection import EPOCH
from learning.core.significance.twin_gate import SEEDS
from learning.core.walk_forward.plan_walker import plan_sizing
from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_lessons
from learning.models import NoiseTwin, WalkForward
from learning.proposals.materialize import requested_specs
from learning.readers.walk_trades import facts_until, load_trades
from learning.tasks import validate_task, walk_forward_task
from learning.validation.run_evidence import finished_walks
from learning.validation.walk_forward_runs import (
    CHOICES,
    TAKEN_OVER_AFTER,
    TASK,
    request_walk_forward,
    run_walk_forward,
    summary_line,
    walk_forward,
)
from overrides.core.engine.combination import Request
from overrides.core.engine.combine import combine
from overrides.core.engine.compile_overrides import compile_overrides
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import Channel, Combiner, LearningMethod
from overrides.versions.load_version import current_parameters
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.refusal import Refused
from telemetry.foundation.models import OutboxMessage
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, KEY, NOW, action_payload, make_correction, make_parameters, make_trade, publish

PHASES = ("Good", "Dip", "Recover")
EVIDENCE = [choice for choice in CHOICES if choice.policy is LearningMethod.EVIDENCE]
pytestmark = pytest.mark.django_db


def furnish(count: int = 400, *, edge: float = 2.0, seed: int = 1) -> None:
    """Record two trades a day, open for hours; those in Good earn `edge` R more."""
    rng = np.random.default_rng(seed)
    trades = []
    for number in range(count):
        opened = NOW - DAY * ((count - number) // 2 + 2)
        phase = PHASES[int(rng.integers(3))]
        rr = float(rng.normal(edge * (phase == "Good"), 0.5))
        action = action_payload(scope={"macro_phase": phase, "bucket": "micro"}, at=utc_text(opened))
        times = {"opened_at": utc_text(opened), "closed_at": utc_text(opened + timedelta(hours=5))}
        trades.append(make_trade(f"w{number:04}", rr=rr, actions=[action], **times))
    record_trades(trades, now=NOW)


def request_walks(**over: Any) -> list[WalkForward]:
    given: dict[str, Any] = {"module": "pm", "choices": EVIDENCE, "now": NOW}
    return request_walk_forward(**given | over)


def messages() -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(task=TASK)


def run_walks(**over: Any) -> WalkForward:
    given: dict[str, Any] = {"module": "pm", "choices": EVIDENCE, "now": NOW}
    [row] = walk_forward(**given | over)
    return row


def figures(row: WalkForward) -> dict[str, Any]:
    assert (row.status, row.error) == ("done", "")
    assert row.figures is not None
    return dict(row.figures)


class TestWalkForward:
    def test_finds_the_edge_that_is_there(self) -> None:
        furnish()

        found = figures(run_walks())

        assert found["uplift"]["low"] > 0
        assert (found["n"], len(found["folds"])) == (sum(fold["decided"] for fold in found["folds"]), 8)
        assert 300 < found["n"] < 400

    def test_finds_none_where_there_is_none(self) -> None:
        furnish(edge=0.0)

        band = figures(run_walks())["uplift"]

        assert band["low"] <= 0 <= band["high"]

    def test_has_an_answer_for_every_policy(self) -> None:
        furnish(60)

        rows = walk_forward(module="pm", now=NOW)

        assert [(row.policy, row.combiner) for row in rows] == [
            ("plan", "plan"), ("plan", "most_specific"), ("evidence", "evidence"),
        ]  # fmt: skip
        assert len({figures(row)["n"] for row in rows}) == 1

    def test_of_no_trades_says_so(self) -> None:
        found = figures(run_walks())

        assert (found["n"], found["uplift"], found["folds"]) == (0, None, [])

    def test_of_allocations_walks_dm(self) -> None:
        allocation = action_payload(module="dm", pattern_key="dm_pattern.allocation.allocation")
        actions = [allocation | {"action_category": "allocation", "scope": {"curator": "ema"}}]
        opened = [NOW - DAY * (40 - number) for number in range(30)]
        record_trades(
            [
                make_trade(
                    f"d{number}", rr=1.0, opened_at=utc_text(at), closed_at=utc_text(at + DAY / 2),
                    actions=[actions[0] | {"at": utc_text(at)}],
                )
                for number, at in enumerate(opened)
            ],
            now=NOW,
        )  # fmt: skip

        assert figures(run_walks(module="dm"))["n"] > 20

    def test_takes_what_had_closed_by_the_time_asked_for(self) -> None:
        furnish(60)

        whole, half = run_walks(), run_walks(now=NOW - 15 * DAY)

        assert half.n_outcomes < whole.n_outcomes == 60

    def test_learns_from_the_books_of_the_parameters_alone(self) -> None:
        furnish(40)
        publish(parameters=make_parameters(lessons={"books": ["live"]}))

        assert figures(run_walks())["n"] == 0

    def test_tells_progress(self) -> None:
        furnish(60)
        shares: list[float] = []

        walk_forward(module="pm", now=NOW, progress=shares.append)

        assert shares == sorted(shares)
        assert shares[-1] == 1.0
        assert len(shares) > 2 * len(CHOICES)

    @pytest.mark.parametrize("folds", [0, -1, 201])
    def test_refuses_a_number_of_folds_it_cannot_walk(self, folds: int) -> None:
        with pytest.raises(Refused, match=r"folds.*1 to 200"):
            run_walks(folds=folds)
        assert not WalkForward.objects.exists()


class TestAgainstTheProduct:
    @pytest.mark.parametrize("combiner", [Combiner.PLAN, Combiner.MOST_SPECIFIC])
    def test_plan_sizes_as_the_lessons_of_that_moment_would(self, combiner: Combiner) -> None:
        """The builder's lessons, as overrides in the engine, against the run's sizing at the same moment."""
        publish(parameters=make_parameters({"weights": {"min_total_weight": 0.0}}))
        furnish()
        aggregate_dirty(now=NOW)
        build_lessons(module="pm", now=NOW)
        parameters = current_parameters("pm")
        specs = requested_specs("pm", parameters, {Channel.PM_STRENGTH: LearningMethod.PLAN}).values()
        weights = parameters.channels[Channel.PM_STRENGTH].weights
        engine = compile_overrides(specs, weights, combiner, channel=Channel.PM_STRENGTH)
        trades = load_trades(parameters, NOW)
        moment = (NOW - EPOCH) // timedelta(microseconds=1)

        sizing = plan_sizing(trades, trades, moment, parameters, combiner)

        served = [
            combine(engine, Request("pm", KEY, "entry", trades.scope_of(codes), NOW)).levers["size_mult"].value
            for codes in trades.scope
        ]
        assert len(set(served)) > 1
        assert sizing.size.tolist() == pytest.approx(served, abs=1e-12)


class TestAsking:
    def test_answers_at_once_and_sends_a_task(self) -> None:
        furnish(20)

        [row] = request_walks()

        assert (row.status, row.progress, row.figures) == ("waiting", 0.0, None)
        assert [message.kwargs for message in messages()] == [{"key": row.key}]

    def test_finds_an_earlier_result(self) -> None:
        furnish(20)
        run_walks()

        [again] = request_walks(now=NOW + DAY)

        assert (again.status, messages().count(), WalkForward.objects.count()) == ("done", 0, 1)

    @pytest.mark.parametrize("change", ["trade", "correction", "folds", "parameters", "module"])
    def test_computes_again_if_the_answer_would_differ(self, change: str) -> None:
        furnish(20)
        [first] = request_walks()
        if change == "trade":
            record_trades([make_trade("another")], now=NOW)
        if change == "correction":
            record_trades([make_trade("t1")], now=NOW)
            [first] = request_walks()
            record_trades([make_correction("t1", rr=0.2)], now=NOW)
        if change == "parameters":
            publish(parameters=make_parameters(evidence={"kappa": 0.5}))

        others: dict[str, dict[str, Any]] = {"folds": {"folds": 3}, "module": {"module": "dm"}}
        [again] = request_walks(**others.get(change, {}))

        assert again.key != first.key

    def test_a_failed_walk_is_tried_again(self) -> None:
        furnish(20)
        [row] = request_walks()
        WalkForward.objects.update(status="failed", error="a fault")

        [again] = request_walks()

        assert (again.key, again.status, again.error, messages().count()) == (row.key, "waiting", "", 2)

    def test_a_walk_whose_worker_is_gone_is_taken_over(self) -> None:
        furnish(20)
        [row] = request_walks()
        WalkForward.objects.update(status="running", attempts=1)

        run_walk_forward(row.key, now=NOW + timedelta(minutes=1))
        assert WalkForward.objects.get().status == "running"
        run_walk_forward(row.key, now=NOW + TAKEN_OVER_AFTER + timedelta(minutes=1))

        assert WalkForward.objects.get().status == "done"

    def test_who_was_taken_over_writes_nothing(self) -> None:
        furnish(60)
        [row] = request_walks()

        def overtake(share: float) -> None:
            WalkForward.objects.update(attempts=7, progress=0.5)

        run_walk_forward(row.key, now=NOW, on_progress=overtake)

        row.refresh_from_db()
        assert (row.status, row.attempts, row.progress, row.figures) == ("running", 7, 0.5, None)

    def test_a_cube_too_large_is_an_answer_that_says_what_to_drop(self) -> None:
        furnish(60)
        publish(parameters=make_parameters(lessons={"cell_budget": 1}))

        [row] = walk_forward(module="pm", choices=CHOICES[:1], now=NOW)

        assert row.status == "failed"
        assert "drop a dimension" in row.error


class TestTasks:
    def test_the_nightly_one_asks_for_all_and_the_other_computes(self) -> None:
        furnish(40)
        aggregate_dirty(now=NOW)
        build_lessons(module="pm", now=NOW)

        validate_task(module="pm", now=NOW.isoformat())
        for message in messages():
            walk_forward_task(**message.kwargs, now=NOW.isoformat())

        assert list(WalkForward.objects.values_list("status", flat=True)) == ["done"] * len(CHOICES)
        twins = NoiseTwin.objects.values_list("policy", "seed").order_by("seed")
        assert list(twins) == [("plan", seed) for seed in SEEDS]
        assert OutboxMessage.objects.filter(task="learning.twin").count() == len(SEEDS)


def latest(module: str, policy: LearningMethod) -> WalkForward | None:
    return finished_walks(current_parameters(module), policy).first()


class TestLatest:
    def test_is_the_newest_finished_one_of_the_policy(self) -> None:
        furnish(40)
        walk_forward(module="pm", now=NOW)
        record_trades([make_trade("later")], now=NOW)
        walk_forward(module="pm", choices=EVIDENCE, now=NOW + DAY)
        record_trades([make_trade("latest")], now=NOW)
        request_walks(now=NOW + 2 * DAY)

        found = latest("pm", LearningMethod.EVIDENCE)

        assert found is not None
        assert found.as_of == NOW + DAY

    @pytest.mark.parametrize("combiner", ["plan", "most_specific"])
    def test_of_the_plan_goes_with_the_modules_combiner(self, combiner: str) -> None:
        publish(parameters=make_parameters({"combiner": combiner}))
        walk_forward(module="pm", now=NOW)

        found = latest("pm", LearningMethod.PLAN)

        assert found is not None
        assert found.combiner == combiner

    def test_is_none_where_nothing_was_walked(self) -> None:
        assert latest("pm", LearningMethod.EVIDENCE) is None

    def test_is_told_in_one_line(self) -> None:
        furnish()
        row = run_walks()

        uplift = figures(row)["uplift"]
        assert summary_line(row).startswith(
            f"walk-forward of policy evidence: {uplift['mean']:+.1f} R per 1,000 trades "
            f"(95 % {uplift['low']:+.1f} to {uplift['high']:+.1f}), slope "
        )
        assert summary_line(run_walks(module="dm")) == "walk-forward of policy evidence: no trades to decide yet"


class TestCommand:
    def run(self, *arguments: str) -> list[str]:
        out = io.StringIO()
        call_command("walk_forward", *arguments, stdout=out, stderr=io.StringIO())
        return out.getvalue().splitlines()

    def test_prints_a_line_a_policy(self) -> None:
        furnish()

        lines = self.run()

        assert [line.split()[0] for line in lines] == ["policy", "plan/plan", "plan/most_specific", "evidence"]
        assert "[+" in lines[3]

    def test_prints_all_figures_as_json(self) -> None:
        furnish(60)

        [line] = self.run("--policy", "evidence", "--folds", "4", "--json")

        summary_line = json.loads(line)
        assert (summary_line["policy"], summary_line["folds"], len(summary_line["figures"]["folds"])) == (
            "evidence",
            4,
            4,
        )

    def test_works_without_trades(self) -> None:
        assert len(self.run("--module", "dm")) == 1 + len(CHOICES)

    def test_refuses_in_words(self) -> None:
        with pytest.raises(CommandError, match="folds"):
            self.run("--folds", "0")

    def test_names_the_policy_that_failed(self) -> None:
        furnish(60)
        publish(parameters=make_parameters(lessons={"cell_budget": 1}))

        with pytest.raises(CommandError, match=r"plan/plan: .*drop a dimension"):
            self.run("--policy", "plan")


class TestLoading:
    def test_gives_every_judged_action_with_its_decision(self) -> None:
        furnish(10)

        trades = load_trades(parameters(), NOW)

        assert (len(trades), trades.patterns, trades.categories) == (10, (KEY,), ("entry",))
        assert ((trades.closed_at - trades.at) == 5 * 3_600_000_000).all()
        assert trades.scope_of(trades.scope[0])["bucket"] == "micro"

    def test_of_nothing_is_empty(self) -> None:
        assert len(load_trades(parameters(), NOW)) == 0
        assert facts_until(parameters(), NOW)[0] == 0


def parameters() -> ModuleParameters:
    return current_parameters("pm")
