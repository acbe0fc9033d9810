"""Facts to lessons of the evidence method: the fit is stored completely."""

from __future__ import annotations

import math
from typing import Any

import pytest

from learning.core.evidence_method.learn import learn
from learning.lessons.build import build_lessons
from learning.models import EdgeHistory, Lesson
from learning.readers.observations import day_at, load_observations
from overrides.core.engine.definitions.content_hash import line_id
from overrides.core.engine.definitions.module_parameters import ModuleParameters
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
from tests.learning.lessons.evidence_builds import HOUR, build, rounded, snapshot
from tests.learning.phases import OTHER, evidence_lessons, evidence_parameters, record_phases


@pytest.mark.django_db
class TestBuildEvidence:
    def test_stores_what_the_fit_found(self) -> None:
        record_phases()
        parameters = ModuleParameters.default("pm")
        loaded = load_observations("pm", parameters.learned_from, NOW)
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
