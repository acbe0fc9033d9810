"""Facts to lessons of the evidence method: the fit stored completely, unusual facts, and when a run is due."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from learning.core.evidence_method.blocks import BudgetExceeded
from learning.core.evidence_method.learn import learn
from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_due, build_lessons
from learning.lessons.build_evidence import Unlearnable
from learning.lessons.noise_twin import noise_twin
from learning.models import BuilderRun, EdgeHistory, Lesson
from learning.readers.observations import day_at, load_observations
from learning.tasks import build_task, noise_twin_task
from overrides.core.engine.definitions.content_hash import line_id
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import LearningMethod
from telemetry.foundation.models import JobRun
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    DAY,
    KEY,
    NOW,
    action_payload,
    make_correction,
    make_parameters,
    make_trade,
    make_trades,
    publish,
)
from tests.learning.phases import OTHER, evidence_lessons, evidence_parameters, record_phases

HOUR = timedelta(hours=1)


def build(at: datetime = NOW, module: str = "pm") -> BuilderRun:
    return build_lessons(module=module, policy=LearningMethod.EVIDENCE, now=at)


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


def rounded(value: Any) -> Any:
    """Round all numbers to nine digits; sums run in another order if trades have other ids."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def snapshot() -> list[dict[str, Any]]:
    fields = [field.name for field in Lesson._meta.concrete_fields if field.name not in ("id", "run", "first_run")]
    history = EdgeHistory.objects.order_by("lesson__line_id", "week")
    return [
        *Lesson.objects.order_by("line_id").values(*fields),
        *history.values("lesson__line_id", "week", "n", "mean", "edge_raw"),
    ]


@pytest.mark.django_db
class TestBuildEvidence:
    def test_stores_what_the_fit_found(self) -> None:
        record_phases()
        parameters = ModuleParameters.default("pm")
        loaded = load_observations("pm", parameters.lessons.dimensions_of("pm"), ("paper",), NOW)
        learned = learn(loaded.observations, [[0, 1], [2, 3]], day_at(NOW), parameters.evidence)
        assert learned is not None

        run = build()

        assert (run.policy, run.n_candidates) == ("evidence", len(learned.overrides))
        assert run.n_cells == sum(fit.cells for fit in learned.fits)
        assert run.baseline["entry"]["n"] == 240
        assert run.baseline["entry"]["mean"] == pytest.approx(0.15, abs=0.15)
        ranked = sorted(Lesson.objects.all(), key=lambda lesson: lesson.stats["rank"])
        assert len(ranked) == len(learned.overrides)
        for at, lesson in enumerate(ranked):
            found, stats = learned.overrides, lesson.stats
            assert (stats["rank"], stats["n"]) == (at + 1, found.n[at])
            fields = {"raw": "raw", "raw_se": "raw_se", "sd": "sd", "lfsr": "lfsr", "recent": "recent",
                    "weight_sum": "weight", "noise": "noise", "baseline": "mu0", "edge_raw": "b"}  # fmt: skip
            assert {name: stats[name] for name in fields} == {
                name: getattr(found, column)[at] for name, column in fields.items()
            }
            assert lesson.edge_raw == stats["edge_raw"]
            assert stats["c"] == learned.c[at]
            assert stats["verified"] is bool(learned.verified[at])
            assert stats["variance"] == pytest.approx(found.noise[at] ** 2)
            assert sum(stats["owner_shares"]) == pytest.approx(1)
            assert lesson.weight == 1 - stats["lfsr"]

    def test_finds_the_phases_and_holds_back_what_it_is_not_sure_of(self) -> None:
        record_phases()

        build()

        lessons = evidence_lessons()
        good, dip = lessons["Good",], lessons["Dip",]
        assert good.line_id == line_id("pm", "pm_strength", "evidence", KEY, "entry", {"macro_phase": "Good"})
        assert (good.type, good.policy, good.status, good.stats["standing"]) == (
            "pm_strength", "evidence", "active", "verified",
        )  # fmt: skip
        assert 0.3 < good.edge_raw < 0.9
        assert -0.9 < dip.edge_raw < -0.3
        assert math.log(good.targets["size_mult"]) == pytest.approx(min(good.stats["c"], math.log(1.3)))
        assert dip.targets["size_mult"] < 0.8
        unsure = [each for each in lessons.values() if not each.stats["verified"]]
        assert unsure
        assert all(1 / 1.02 - 1e-12 <= each.targets["size_mult"] <= 1.02 + 1e-12 for each in unsure)
        assert good.stats["updated_at"] == "2026-03-01T12:00:00Z"
        assert good.stats["half_life_days"] == 360

    def test_keeps_as_too_light_what_has_few_trades_of_its_own(self) -> None:
        """The other pattern inherits the edge of a phase; six trades of its own are too few to act."""
        record_phases()
        record_trades(make_trades([0.5] * 6, scope={"macro_phase": "Good"}, prefix="few", pattern_key=OTHER), now=NOW)

        build()

        few = Lesson.objects.filter(pattern_key=OTHER)
        assert {each.status for each in few} == {"too_light"}
        assert {each.stats["n"] for each in few} == {6}
        assert not EdgeHistory.objects.filter(lesson__in=few).exists()

    def test_keeps_as_too_light_what_hardly_moves_a_lever(self) -> None:
        """If the smallest useful move is 1 %, everything held within 1 % is too light."""
        publish(parameters=evidence_parameters(least_move=0.01))
        record_phases()

        build()

        light = {each.status for each in Lesson.objects.all() if abs(each.stats["c"]) < math.log(1.01)}
        heavy = {each.status for each in Lesson.objects.all() if abs(each.stats["c"]) >= math.log(1.01)}
        assert (light, heavy) == ({"too_light"}, {"active"})

    def test_tells_week_by_week_what_its_trades_earned_beside_the_others(self) -> None:
        """Without weights by age the weeks add up to the run's raw edge; the means are those of the outcomes."""
        publish(parameters=evidence_parameters(half_life_days=1e9, recent_days=1e9))
        record_phases()

        build()

        lesson = evidence_lessons()["Good",]
        weeks = list(lesson.edge_history.values_list("n", "edge_raw", "mean"))
        assert len(weeks) > 5
        assert sum(n for n, _, _ in weeks) == lesson.stats["n"] == 120
        assert sum(n * edge for n, edge, _ in weeks) / 120 == pytest.approx(lesson.stats["raw"], abs=1e-9)
        assert sum(n * mean for n, _, mean in weeks) / 120 == pytest.approx(0.9, abs=0.3)

    def test_gives_the_same_again(self) -> None:
        record_phases()
        first = build()
        before = snapshot()

        second = build()

        assert snapshot() == before
        assert {(each.first_run_id, each.run_id) for each in Lesson.objects.all()} == {(first.pk, second.pk)}

    def test_gives_the_same_whatever_the_order_of_recording(self) -> None:
        trades = make_trades([1.5, -0.5, 3.0, 1.0] * 8, scope={"macro_phase": "Good"}, prefix="g")
        trades += make_trades([-1.0, 0.5] * 16, scope={"macro_phase": "Dip"}, prefix="d")
        record_trades(trades, now=NOW)
        build()
        before = snapshot()
        assert any(row.get("status") == "active" for row in before)
        record_trades([make_correction(each.external_id, excluded_reason="anew") for each in trades], now=NOW)
        build()
        assert set(Lesson.objects.values_list("status", flat=True)) == {"withdrawn"}

        for each in reversed(trades):
            times = {"opened_at": each.opened_at.isoformat(), "closed_at": each.closed_at.isoformat()}
            actions = [action_payload(scope=dict(each.actions[0].scope), at=times["opened_at"])]
            again = make_correction(each.external_id, revision=3, rr=each.rr, actions=actions, **times)
            record_trades([again], now=NOW)
        build()

        assert [rounded(row) for row in snapshot()] == [rounded(row) for row in before]

    def test_withdraws_what_is_no_longer_found_and_leaves_the_other_policy_alone(self) -> None:
        record_phases()
        build_lessons(module="pm", now=NOW)
        build()
        of_plan = Lesson.objects.filter(policy="plan").count()
        assert of_plan
        publish(parameters=make_parameters(evidence=ModuleParameters.default("pm").evidence.to_document() | {
            "max_overrides": 1
        }))  # fmt: skip

        run = build(NOW + HOUR)

        of_evidence = Lesson.objects.filter(policy="evidence")
        assert of_evidence.exclude(status="withdrawn").count() == 1
        assert run.n_withdrawn == of_evidence.filter(status="withdrawn").count() > 0
        assert Lesson.objects.filter(policy="plan").exclude(status="withdrawn").count() == of_plan

    def test_tells_of_every_cell_tested_in_the_newest_run(self) -> None:
        record_phases()
        first = build()
        second = build(NOW + HOUR)

        first.refresh_from_db()
        assert first.tested is None
        tested = second.tested or {}
        assert tested["total"] == second.n_candidates
        assert {len(tested[name]) for name in ("n", "raw", "se", "shrunk", "emitted")} == {second.n_candidates}
        assert sum(tested["emitted"]) == second.n_active
        lesson = evidence_lessons()["Good",]
        at = tested["raw"].index(round(lesson.stats["raw"], 6))
        assert (tested["n"][at], tested["shrunk"][at]) == (120, round(lesson.edge_raw, 6))

    def test_learns_an_allocation_too(self) -> None:
        record_phases(module="dm", action_category="allocation", pattern_key="dm_pattern.allocation.allocation")

        build(module="dm")

        good = evidence_lessons()["Good",]
        assert (good.type, list(good.targets)) == ("dm_alloc", ["alloc_mult_target"])
        assert good.targets["alloc_mult_target"] > 1.02

    def test_learns_sales_from_what_followed_alone(self) -> None:
        """Selling gained .5 R in Good and lost as much in Dip; entries of the same trades have no edge."""
        for number in range(60):
            for phase, rr_after in (("Good", -0.5), ("Dip", 0.5)):
                at = NOW - (2 + number % 12) * DAY
                moment: dict[str, Any] = {"scope": {"macro_phase": phase}, "at": at.isoformat()}
                trim = action_payload(action_category="trim", rr_after=rr_after + 0.1 * (number % 5 - 2), **moment)
                unknown = action_payload(action_category="exit", **moment)
                times = {"opened_at": at.isoformat(), "closed_at": (at + HOUR).isoformat()}
                record_trades([make_trade(f"{phase}{number}", rr=1.0, actions=[trim, unknown], **times)], now=NOW)

        build()

        assert set(Lesson.objects.values_list("action_category", flat=True)) == {"trim"}
        assert evidence_lessons()["Good",].targets["exit_aggression_mult"] > 1
        assert evidence_lessons()["Dip",].targets["exit_aggression_mult"] < 1


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


@pytest.mark.django_db
class TestBuildDue:
    def due(self, at: datetime) -> bool:
        before = BuilderRun.objects.count()
        acting = build_due(module="pm", policy=LearningMethod.EVIDENCE, now=at)
        is_new = BuilderRun.objects.count() > before
        assert acting == (Lesson.objects.filter(status="active").count() if is_new else 0)
        return is_new

    def test_builds_once_where_nothing_changes_and_again_the_next_day(self) -> None:
        record_phases(at=NOW - HOUR)

        assert self.due(NOW)
        assert not self.due(NOW + HOUR)
        assert self.due(NOW + DAY)

    def test_builds_for_new_facts_before_and_after_they_are_aggregated(self) -> None:
        record_phases(at=NOW - HOUR)
        self.due(NOW)

        record_trades(make_trades([1.0], prefix="new"), now=NOW + HOUR)
        assert self.due(NOW + HOUR)
        aggregate_dirty(now=NOW + HOUR)
        assert self.due(NOW + 2 * HOUR)
        assert not self.due(NOW + 3 * HOUR)

    def test_builds_under_other_parameters(self) -> None:
        record_phases(at=NOW - HOUR)
        self.due(NOW)

        publish(parameters=evidence_parameters(kappa=1.5))

        assert self.due(NOW + HOUR)

    def test_builds_policy_plan_every_time(self) -> None:
        for at in (NOW, NOW + HOUR):
            build_due(module="pm", policy=LearningMethod.PLAN, now=at)

        assert BuilderRun.objects.count() == 2

    def test_is_a_job_of_its_own_beside_that_of_the_plan(self) -> None:
        record_phases(at=NOW - HOUR)

        for policy in ("plan", "evidence"):
            build_task(module="pm", policy=policy, now=NOW.isoformat())

        assert set(JobRun.objects.filter(status="done").values_list("job", flat=True)) == {
            "build pm", "build pm evidence",
        }  # fmt: skip
        assert JobRun.objects.get(job="build pm evidence").rows == BuilderRun.objects.get(policy="evidence").n_active


@pytest.mark.django_db
class TestNoiseTwin:
    def test_finds_nothing_verified_in_outcomes_that_say_nothing_of_their_scope(self) -> None:
        record_phases()
        build()
        assert Lesson.objects.filter(stats__verified=True, n_dims__gt=0).exists()

        assert noise_twin(module="pm", policy=LearningMethod.EVIDENCE, seed=1, now=NOW) == 0

    def test_writes_nothing_and_tells_how_far_it_is(self) -> None:
        record_phases()
        steps: list[tuple[int, int]] = []

        for policy in LearningMethod:
            noise_twin(module="pm", policy=policy, seed=1, now=NOW, progress=lambda *step: steps.append(step))

        assert steps == [(0, 2), (1, 2), (2, 2)] * 2
        assert not Lesson.objects.exists()
        assert not BuilderRun.objects.exists()


def twins_of(run: BuilderRun) -> dict[str, Any]:
    assert run.twins is not None
    found: dict[str, Any] = run.twins
    return found


@pytest.mark.django_db
class TestTwinsOfARun:
    def test_are_counted_where_something_is_verified_and_stored_with_the_run(self) -> None:
        record_phases()

        run = build()

        found = Lesson.objects.filter(stats__verified=True, n_dims__gt=0).count()
        assert twins_of(run)["found"] == found > 0
        assert twins_of(run)["weeks"] == twins_of(run)["shifts"] == [0] * 5

    def test_are_not_counted_where_nothing_is(self) -> None:
        record_trades(make_trades([1.0, -1.0] * 30, scope={"macro_phase": "Good"}), now=NOW)

        assert build().twins is None

    def test_are_counted_again_only_when_what_is_verified_has_changed(self) -> None:
        record_phases()
        first = build()
        BuilderRun.objects.filter(pk=first.pk).update(twins=twins_of(first) | {"weeks": [0, 0, 0, 0, 1]})

        same = build(NOW + HOUR)
        record_phases(at=NOW + HOUR, seed=2, prefix="other", pattern_key=OTHER)
        changed = build(NOW + 2 * HOUR)

        assert twins_of(same)["weeks"] == [0, 0, 0, 0, 1]
        assert twins_of(changed)["weeks"] == [0] * 5
        assert twins_of(changed)["of"] != twins_of(first)["of"]

    def test_that_find_as_much_leave_nothing_verified(self) -> None:
        """A phase that changes every day, with the sign of what it earns: shifted by any days, it says the same."""
        for phase, (sign, first) in {"Good": (1, 0), "Dip": (-1, 1)}.items():
            for number in range(160):
                at = NOW - DAY * (2 + 2 * (number // 4) + first)
                action = action_payload(scope={"macro_phase": phase}, at=at.isoformat())
                times = {"opened_at": at.isoformat(), "closed_at": (at + HOUR).isoformat()}
                rr = sign + 0.5 * (number % 5 - 2)
                record_trades([make_trade(f"{phase}{number}", rr=rr, actions=[action], **times)], now=NOW)
        aggregate_dirty(now=NOW)

        run = build()

        assert twins_of(run)["found"] > 0
        assert max(twins_of(run)["shifts"]) >= twins_of(run)["found"]
        lessons = list(Lesson.objects.all())
        assert lessons
        assert not any(lesson.stats["verified"] for lesson in lessons)
        assert all(abs(math.log(lesson.targets["size_mult"])) <= math.log(1.02) + 1e-9 for lesson in lessons)
