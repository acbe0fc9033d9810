"""The walk-forward run: finds real edges and no others, never looks ahead, and serves what the product would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, replace
from datetime import timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest

from learning.core.cells.rows import DAY, Floats, Ints
from learning.core.evidence_method.learn import learn
from learning.core.evidence_method.lever_targets import lever_targets
from learning.core.evidence_method.predict import predict
from learning.core.plan_method.lesson_selection import EPOCH
from learning.core.significance.strength import NO_BRAKE, strength_of
from learning.core.walk_forward.evidence_walker import EvidenceWalker, learned_at
from learning.core.walk_forward.folds import folds_of
from learning.core.walk_forward.outcome_columns import Trades
from learning.core.walk_forward.plan_walker import plan_sizing
from learning.core.walk_forward.prequential import beliefs_of
from learning.core.walk_forward.uplift_curve import POINTS, curve
from learning.core.walk_forward.walk import WalkForwardResult, bounds_of, curves, figures, sizing_method, walk
from overrides.core.engine.combination import Request
from overrides.core.engine.combine import combine
from overrides.core.engine.compile_overrides import compile_overrides
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.vocabulary import Channel, Combiner, LearningMethod
from tests.learning.core.walk_forward.builders import HOUR, make_sized_trades, make_trades, make_world, parameters

CHOICES = {
    "evidence": (LearningMethod.EVIDENCE, Combiner.EVIDENCE),
    "plan": (LearningMethod.PLAN, Combiner.PLAN),
    "most specific": (LearningMethod.PLAN, Combiner.MOST_SPECIFIC),
}
FOLDS = 4


@cache
def world(edge: float, seed: int = 1) -> Trades:
    return make_world(seed, 6000, edge=edge)


def run_walk(trades: Trades, choice: str, folds: int = FOLDS, **over: Any) -> WalkForwardResult:
    return walk(trades, sizing_method(*CHOICES[choice], parameters()), folds=folds, **over)


def found(trades: Trades, choice: str) -> Mapping[str, Any]:
    return figures(run_walk(trades, choice), *bounds_of(parameters()))


class TestKnownWorlds:
    @pytest.mark.parametrize("choice", CHOICES)
    def test_an_edge_earns_and_its_band_excludes_zero(self, choice: str) -> None:
        result = found(world(1.0), choice)

        assert result["uplift"]["low"] > 0
        assert result["matched"]["low"] > 0

    def test_evidence_earns_most_of_what_could_be_earned(self) -> None:
        """Sizes 1.3 and 0.7 on the two patterns, a third of the time each: about .3 * 2/9 R a trade."""
        result = found(world(1.0), "evidence")

        assert 45 < result["uplift"]["mean"] < 75

    def test_evidence_is_calibrated_on_it(self) -> None:
        line = found(world(0.5), "evidence")["calibration"]

        assert line["in_bar"]
        assert line["slope_se"] < 0.1
        assert line["squared_error_ratio"] < 0.99

    @pytest.mark.parametrize("choice", CHOICES)
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_no_signal_earns_nothing(self, choice: str, seed: int) -> None:
        result = found(world(0.0, seed), choice)

        band = result["uplift"]
        assert band["low"] <= 0 <= band["high"]
        assert abs(band["mean"]) < 4

    def test_in_sample_looks_better_than_it_is_where_nothing_is(self) -> None:
        result = found(world(0.0), "evidence")

        assert result["optimistic"]["low"] > 0
        assert result["optimistic"]["mean"] > result["uplift"]["mean"]


@cache
def known_late() -> Trades:
    """Return a world in which a third of the outcomes are known up to 40 days after the close."""
    trades, chance = world(1.0), np.random.default_rng(7)
    late = np.where(chance.random(len(trades)) < 1 / 3, chance.integers(0, 40 * DAY, len(trades)), 0)
    return replace(trades, known=trades.closed_at + late)


class TestBrake:
    def test_of_a_fold_is_the_strength_of_the_closed_decisions_of_the_folds_before(self) -> None:
        """The first fold is not braked; the third by what the first two believed of what had closed by its start."""
        trades = world(0.5)
        decided = trades.decided()
        walker, periods = EvidenceWalker(parameters().evidence, 0.7, 1.3), folds_of(decided.at, FOLDS)[:3]
        assert walker.brake(periods[0].start) == NO_BRAKE
        steps: list[tuple[Floats, Floats, Floats, Floats, Floats]] = []
        for fold in periods[:2]:
            coming = decided.take((decided.at >= fold.start) & (decided.at < fold.end))
            walker(trades.known_at(fold.start), coming, fold.start)
            found = learned_at(trades.known_at(fold.start), fold.start, parameters().evidence)
            assert found is not None
            expected = predict(found[1], coming.pattern, coming.category, coming.scope)
            closed = coming.known < periods[2].start
            lasting = (expected.edge - expected.recent)[closed]
            outcome = coming.outcome[closed]
            steps.append(((coming.at / DAY)[closed], lasting, expected.recent[closed], outcome, np.ones(len(outcome))))

        expected_strength = strength_of(beliefs_of(steps))

        assert expected_strength is not None
        assert astuple(walker.brake(periods[2].start)) == pytest.approx(astuple(expected_strength.brake), abs=1e-12)

    def test_never_expects_more_than_the_fit(self) -> None:
        """Of an edge that ended, the fit takes the lasting part back by the recent one; a brake must not undo it."""
        trades = world(1.5)
        middle = int(np.median(trades.at))
        ended = replace(trades, outcome=np.where(trades.at < middle, trades.outcome, world(0.0).outcome))
        decided = ended.decided()
        walked = run_walk(ended, "evidence").sized

        for number, fold in enumerate(folds_of(decided.at, FOLDS)):
            coming = decided.take((decided.at >= fold.start) & (decided.at < fold.end))
            free = EvidenceWalker(parameters().evidence, 0.7, 1.3)(ended.known_at(fold.start), coming, fold.start)
            edge = walked.edge[walked.fold == number]
            assert (np.abs(edge) <= np.abs(free.edge) + 1e-12).all()
            assert (edge * free.edge >= 0).all()


class TestLookingAhead:
    @pytest.mark.parametrize("trades", [world(1.0), known_late()], ids=["at the close", "later"])
    @pytest.mark.parametrize("choice", CHOICES)
    def test_no_size_depends_on_an_outcome_that_came_later(self, choice: str, trades: Trades) -> None:
        """For every fold, replace every outcome not known at its start by its opposite times a hundred."""
        before = run_walk(trades, choice).sized

        for number, fold in enumerate(folds_of(trades.decided().at, FOLDS)):
            later = trades.known >= fold.start
            planted = replace(trades, outcome=np.where(later, -100.0 * trades.outcome, trades.outcome))
            after = run_walk(planted, choice).sized
            inside = before.fold == number
            assert (after.size[inside] == before.size[inside]).all()
            assert (after.edge[inside] == before.edge[inside]).all()
            assert (after.prior_mean[inside] == before.prior_mean[inside]).all()

    @pytest.mark.parametrize("choice", CHOICES)
    def test_sizes_do_depend_on_what_had_closed(self, choice: str) -> None:
        trades = world(1.0)
        start = folds_of(trades.decided().at, FOLDS)[0].start
        turned = replace(trades, outcome=np.where(trades.known < start, -trades.outcome, trades.outcome))

        first = run_walk(trades, choice).sized.fold == 0

        assert (run_walk(trades, choice).sized.size[first] != run_walk(turned, choice).sized.size[first]).any()

    def test_a_trade_that_was_open_is_neither_learned_from_nor_decided(self) -> None:
        trades = make_trades(np.zeros(10))
        start = folds_of(trades.at, 1)[0].start
        closed_at = np.where(trades.at < start, start, trades.closed_at)
        open_then = replace(trades, closed_at=closed_at, known=closed_at)

        result = run_walk(open_then, "evidence", folds=1)

        assert [(fold["known"], fold["decided"]) for fold in result.folds] == [(0, 5)]

    def test_an_outcome_known_later_than_its_close_is_not_learned_from_before(self) -> None:
        """Ten trades, five of them before the fold; of two of these the outcome is known at or after its start."""
        trades = make_trades(np.zeros(10))
        start = folds_of(trades.at, 1)[0].start
        known = trades.known.copy()
        known[:3] = start, start + HOUR, start - 1

        result = run_walk(replace(trades, known=known), "evidence", folds=1)

        assert [(fold["known"], fold["decided"]) for fold in result.folds] == [(3, 5)]

    def test_the_evidence_method_reads_when_each_outcome_was_known(self) -> None:
        """A row that was known late stands for those like it that are not known yet."""
        trades = known_late()

        observations = trades.observations()

        assert (observations.known == trades.known / DAY).all()
        assert (observations.day == trades.at / DAY).all()

    @pytest.mark.parametrize("choice", CHOICES)
    def test_a_walk_over_what_was_known_late_is_a_walk_without_it_until_then(self, choice: str) -> None:
        trades = known_late()
        before, fold = folds_of(trades.decided().at, FOLDS)[:2]
        kept = trades.take((trades.known < fold.start) | (trades.at >= fold.start))
        decided = kept.decided()

        whole = run_walk(trades, choice).sized

        method = sizing_method(*CHOICES[choice], parameters())
        for each in (before, fold):
            in_fold = decided.take((decided.at >= each.start) & (decided.at < each.end))
            sizing = method(kept.known_at(each.start), in_fold, each.start)
        assert (whole.size[whole.fold == 1] == sizing.size).all()

    def test_the_order_of_rows_does_not_matter(self) -> None:
        trades = world(1.0)
        order = np.random.default_rng(0).permutation(len(trades))

        for choice in CHOICES:
            one, other = run_walk(trades, choice).sized, run_walk(trades.take(order), choice).sized
            assert other.size == pytest.approx(one.size, abs=1e-9)
            assert (other.outcome == one.outcome).all()


class TestWhatIsServed:
    def test_evidence_is_what_the_combiner_makes_of_the_overrides(self) -> None:
        """The run adds up columns; the product compiles overrides and queries the engine."""
        trades, moment = world(1.0), int(world(1.0).known.max()) + 1
        acted = trades.take(np.arange(300))
        evidence = parameters().evidence

        sizing = EvidenceWalker(evidence, 0.7, 1.3)(trades, acted, moment)

        learned = learn(trades.observations(), [[0]], moment / DAY, evidence)
        assert learned is not None
        chosen = learned.overrides.take(np.arange(learned.materialised))
        specs = [
            _spec(trades, pattern, scope, c)
            for pattern, scope, c in zip(chosen.pattern.tolist(), chosen.scope, learned.c.tolist(), strict=False)
        ]
        weights = WeightParameters()
        engine = compile_overrides(specs, weights, Combiner.EVIDENCE, channel=Channel.PM_STRENGTH)
        at = EPOCH + timedelta(microseconds=moment)
        for row in range(0, 300, 7):
            scope = acted.scope_of(acted.scope[row])
            answer = combine(engine, Request("pm", acted.patterns[acted.pattern[row]], "entry", scope, at))
            served = answer.levers["size_mult"].value if "size_mult" in answer.levers else 1.0
            assert sizing.size[row] == pytest.approx(served, abs=1e-12)

    def test_plan_moves_no_farther_than_its_step(self) -> None:
        trades = world(3.0)

        size = run_walk(trades, "plan").sized.size

        assert size.max() <= 1.02
        assert size.min() >= 1 / 1.02 - 1e-12
        assert (size != 1.0).any()

    def test_plan_expects_what_its_lessons_say(self) -> None:
        """One phase at 2 R, the other at 0 R, baseline 1 R: edges of +1 R and -1 R."""
        scope = np.zeros((80, 3), dtype=np.int64)
        scope[:, 0] = np.arange(80) % 2
        trades = make_trades(np.where(scope[:, 0] == 0, 2.0, 0.0), scope=scope)
        moment = int(trades.known.max()) + 1
        light = parameters()
        weights = replace(light.channels[Channel.PM_STRENGTH].weights, min_total_weight=0.0)
        channel = replace(light.channels[Channel.PM_STRENGTH], weights=weights)
        lighter = replace(light, channels={**light.channels, Channel.PM_STRENGTH: channel})

        sizing = plan_sizing(trades, trades, moment, lighter, Combiner.PLAN)

        assert sizing.baseline[0] == 1.0
        assert sizing.edge == pytest.approx(np.where(scope[:, 0] == 0, 1.0, -1.0))
        assert (np.sign(np.log(sizing.size)) == np.sign(sizing.edge)).all()

    def test_protected_motifs_stay_neutral(self) -> None:
        trades = world(1.0)
        protected = run_walk(trades, "evidence", protected=("cross",)).sized
        open_to = run_walk(trades, "evidence").sized

        pattern = trades.decided().take(trades.decided().at >= folds_of(trades.at, FOLDS)[0].start).pattern
        assert (protected.size[pattern < 2] == 1.0).all()
        assert (protected.optimistic[pattern < 2] == 1.0).all()
        assert (protected.size[pattern == 2] == open_to.size[pattern == 2]).all()


def _spec(trades: Trades, pattern: int, scope: Ints, c: float) -> OverrideSpec:
    targets = lever_targets("entry", c, WeightParameters())
    stats = {"edge_raw": c, "n": 50, "variance": 1.0, "half_life_days": 360, "updated_at": "2026-01-01T00:00:00Z"}
    return OverrideSpec.from_document(
        {
            "type": "pm_strength", "policy": "evidence", "module": "pm", "pattern_key": trades.patterns[pattern],
            "action_category": "entry", "scope": trades.scope_of(scope), "stats": stats,
            "levers": {"capital_levers": {"size_mult": targets["size_mult"].value}},
        }
    )  # fmt: skip


class TestEdges:
    def test_adds_are_learned_from_and_not_bet(self) -> None:
        trades = make_trades(
            np.zeros(20), category=np.arange(20) % 2, categories=("entry", "add"), trade=np.arange(20) // 2
        )

        decided = trades.decided()

        assert (len(decided), set(decided.category.tolist())) == (10, {0})

    def test_a_trade_is_decided_once_by_its_first_entry(self) -> None:
        trades = make_trades([1.0, 1.0, 2.0], trade=[7, 7, 8])

        assert trades.decided().at.tolist() == trades.at[[0, 2]].tolist()

    @pytest.mark.parametrize("choice", CHOICES)
    def test_no_trades_give_no_figures_and_no_fault(self, choice: str) -> None:
        for trades in (make_trades([]), make_trades([1.0]), make_trades([1.0, 2.0], categories=("trim",))):
            result = run_walk(trades, choice)
            results = figures(result, 0.7, 1.3)
            assert (results["n"], results["uplift"], results["folds"]) == (0, None, [])
            assert curves(result, 0.7, 1.3)["day"] == []

    @pytest.mark.parametrize("choice", CHOICES)
    def test_equal_outcomes_give_numbers_that_are_numbers(self, choice: str) -> None:
        results = figures(run_walk(make_trades(np.full(200, -1.0)), choice), 0.7, 1.3)

        assert results["uplift"] == {"mean": 0.0, "low": 0.0, "high": 0.0}

    def test_progress_rises_to_one(self) -> None:
        shares: list[float] = []

        run_walk(world(0.0), "plan", progress=shares.append)

        assert shares == sorted(shares)
        assert (len(shares), shares[-1]) == (FOLDS + 1, 1.0)


class TestCurve:
    def test_ends_at_the_sum_of_what_was_added(self) -> None:
        result = run_walk(world(1.0), "evidence")
        results, line = figures(result, 0.7, 1.3), curves(result, 0.7, 1.3)

        assert line["uplift"][-1] == pytest.approx(results["uplift"]["mean"] * results["n"] / 1000, abs=1e-5)
        assert line["low"][-1] < line["uplift"][-1] < line["high"][-1]
        assert line["optimistic"][-1] == pytest.approx(results["optimistic"]["mean"] * results["n"] / 1000, abs=1e-5)

    def test_keeps_no_more_points_than_can_be_seen_and_always_the_ends(self) -> None:
        days = np.arange(3 * POINTS)

        line = curve(make_sized_trades(np.sin(days), 1 + 0.1 * np.cos(days)), 0.7, 1.3)

        assert len(line["day"]) == POINTS
        assert (line["day"][0], line["day"][-1]) == (0, 3 * POINTS - 1)


def test_the_last_hour_of_a_day_belongs_to_it() -> None:
    trades = make_trades(np.zeros(4), at=np.array([0, DAY - HOUR, DAY, 2 * DAY - HOUR]))

    result = run_walk(trades, "plan", folds=1)

    assert [(fold["start_day"], fold["known"], fold["decided"]) for fold in result.folds] == [(1, 1, 2)]
