from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from overrides.admin.charts.decay_curve import decay_curve
from overrides.admin.charts.lever_ranges import lever_tracks
from overrides.admin.charts.weight_bar import mini_bar
from overrides.admin.charts.weight_waterfall import waterfall
from overrides.core.engine.combination import Request
from overrides.core.engine.combine import combine
from overrides.core.engine.compile_overrides import compile_overrides
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.vocabulary import Combiner
from overrides.core.engine.weights import decay_weight, rounded_weight
from overrides.core.impact.weight_breakdown import weigh
from tests.builders import KEY, NOW, make_spec

PLAN = {"edge_raw": 0.82, "n": 37, "variance": 0.45, "half_life_days": 18}
TEN = WeightParameters(max_scope_dims=10)


def plan_override(**over: object) -> OverrideSpec:
    """Return the plan's own example: three of ten dimensions."""
    return make_spec(scope={"a": "1", "b": "2", "c": "3"}, stats=PLAN | over)


class TestWeigh:
    def test_gives_the_plan_s_numbers(self) -> None:
        weighing = weigh(plan_override(), TEN, NOW)

        values = [factor.value for factor in weighing.factors]
        assert values == pytest.approx([0.67507, 0.772362, 0.689655, 0.164317, 1.0], abs=1e-6)
        assert weighing.total == pytest.approx(0.059085, abs=1e-6)

    @pytest.mark.parametrize("days", [0, 1, 9, 18])
    def test_agrees_with_the_engine(self, days: int) -> None:
        spec, at = plan_override(), NOW + timedelta(days=days)
        compiled = compile_overrides([spec], TEN, Combiner.PLAN)
        answer = combine(compiled, Request("pm", KEY, "entry", spec.scope, at))

        weighing = weigh(spec, TEN, at)

        assert weighing.total == pytest.approx(answer.contributions[0].w_total, rel=1e-12)

    def test_meets_the_floor_where_the_engine_begins_to_exclude(self) -> None:
        weighing = weigh(plan_override(), TEN, NOW)
        meets = weighing.meets_floor_at
        assert meets is not None

        assert rounded_weight(weighing.fresh * decay_weight(meets, 18)) < 0.02
        assert rounded_weight(weighing.fresh * decay_weight(meets - 1e-3, 18)) >= 0.02

    def test_never_meets_a_floor_of_nothing(self) -> None:
        assert weigh(plan_override(), WeightParameters(min_total_weight=0), NOW).meets_floor_at is None

    def test_is_below_the_floor_from_the_beginning_where_too_light(self) -> None:
        weighing = weigh(plan_override(edge_raw=0.001), TEN, NOW)

        assert (weighing.meets_floor_at, weighing.acts, weighing.acts_when_fresh) == (0.0, False, False)


class TestWaterfall:
    def test_hangs_each_bar_where_the_one_before_ended(self) -> None:
        bars = waterfall(weigh(plan_override(), TEN, NOW + timedelta(days=9))).bars

        for upper, lower in pairwise(bars):
            assert lower.x + lower.width == pytest.approx(upper.x)
            assert lower.y == upper.below

    def test_makes_equal_losses_equally_wide(self) -> None:
        heavy = weigh(plan_override(variance=1.0), WeightParameters(max_scope_dims=3), NOW)
        later = weigh(plan_override(variance=3.0), WeightParameters(max_scope_dims=3), NOW)

        half, quarter = (waterfall(each).bars[2].width for each in (heavy, later))

        assert quarter == pytest.approx(2 * half, rel=1e-9)

    @pytest.mark.parametrize("stats", [{"edge_raw": 0.0}, {"n": 0}, {"variance": 1e9}])
    def test_ends_within_the_picture_even_for_nothing(self, stats: dict[str, float]) -> None:
        picture = waterfall(weigh(plan_override(**stats), TEN, NOW))

        assert all(picture.left <= bar.x <= bar.x + bar.width <= picture.right + 1e-9 for bar in picture.bars)
        assert picture.total.width >= 0


class TestDecayCurve:
    def test_marks_today_on_the_curve_and_the_floor_where_they_meet(self) -> None:
        curve = decay_curve(weigh(plan_override(), TEN, NOW + timedelta(days=9)))

        assert curve.meets is not None
        assert curve.meets.label == "day 19"  # 18 ln(.0591 / .02) = 19.5
        assert curve.now[0] < curve.meets.at < curve.right
        assert curve.now[1] < curve.floor_y < curve.bottom

    def test_has_no_mark_where_the_floor_is_never_met(self) -> None:
        assert decay_curve(weigh(plan_override(), WeightParameters(min_total_weight=0), NOW)).meets is None

    def test_draws_nothing_as_a_flat_line(self) -> None:
        curve = decay_curve(weigh(plan_override(n=0), TEN, NOW))

        assert {point.partition(",")[2] for point in curve.points.split()} == {f"{curve.bottom:.1f}"}


class TestTracks:
    def test_puts_neutral_of_a_log_lever_at_its_logarithm(self) -> None:
        [track] = lever_tracks(make_spec({"entry_aggression_mult": 1.2}), WeightParameters()).tracks

        assert track.x_neutral == pytest.approx(14 + 452 * 0.5503, abs=0.1)  # ln 1.25 / ln 1.5
        assert track.x_target == pytest.approx(466)

    def test_shrinks_to_tightened_bounds(self) -> None:
        parameters = WeightParameters(bounds={"size_mult": (1.0, 1.0)})

        [track] = lever_tracks(make_spec({"size_mult": 1.1}), parameters).tracks

        assert track.x_neutral == track.x_target == 240.0

    def test_follows_the_registry_s_order(self) -> None:
        tracks = lever_tracks(make_spec({"entry_aggression_mult": 1.1, "size_mult": 1.1}), WeightParameters()).tracks

        assert [track.name for track in tracks] == ["size_mult", "entry_aggression_mult"]
        assert tracks[0].y < tracks[1].y


class TestMiniBar:
    def test_sets_weight_and_floor_on_one_scale(self) -> None:
        heavy, light = (mini_bar(weigh(plan_override(edge_raw=edge), TEN, NOW)) for edge in (0.82, 0.01))

        assert light.width < light.floor == heavy.floor < heavy.width < heavy.whole
