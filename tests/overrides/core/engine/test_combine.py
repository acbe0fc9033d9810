"""Numbers worked by hand. One dimension of one is full specificity here, so a weight is what `weighing` says."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from overrides.core.engine.combination import Combination, LeverValue, Request
from overrides.core.engine.combine import combine
from overrides.core.engine.compile_overrides import compile_overrides
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.override_stats import Path
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.vocabulary import Combiner, ExclusionReason, Flag, Reason
from tests.overrides.core.builders import NOW, make_request, make_spec, weighing


def combined(
    *specs: OverrideSpec, combiner: Combiner = Combiner.PLAN, request: Request | None = None, **parameters: Any
) -> Combination:
    compiled = compile_overrides(specs, WeightParameters(**{"max_scope_dims": 1, **parameters}), combiner)
    return combine(compiled, make_request() if request is None else request)


def pair(one: tuple[float, float], other: tuple[float, float]) -> tuple[OverrideSpec, OverrideSpec]:
    """Return two overrides of size_mult from two (target, weight)."""
    return (
        make_spec("a", {"size_mult": one[0]}, stats=weighing(one[1])),
        make_spec("b", {"size_mult": other[0]}, stats=weighing(other[1])),
    )


def size(found: Combination) -> LeverValue:
    return found.levers["size_mult"]


class TestPlan:
    def test_blends_in_logs_and_takes_one_step(self) -> None:
        found = size(combined(*pair((1.10, 0.3), (0.95, 0.1))))

        assert found.target == pytest.approx(1.060414, abs=5e-7)
        assert found.value == pytest.approx(1.02, rel=1e-12)
        assert found.support == pytest.approx(0.4, rel=1e-9)

    def test_shrinks_towards_neutral_by_the_prior(self) -> None:
        found = size(combined(*pair((1.10, 0.3), (0.95, 0.1)), prior_weight=1.0))

        assert found.target == pytest.approx(1.016901, abs=5e-7)
        assert found.value == found.target

    def test_follows_the_logs_where_the_linear_mean_points_elsewhere(self) -> None:
        found = size(combined(*pair((1.3, 0.5), (0.7, 0.5))))

        assert found.target == pytest.approx(0.953939, abs=5e-7)
        assert found.value == pytest.approx(1 / 1.02, rel=1e-12)

    def test_moves_a_lever_as_far_for_a_light_override_alone(self) -> None:
        found = size(combined(make_spec("a", {"size_mult": 1.2}, stats=weighing(0.02))))

        assert found.value == pytest.approx(1.02, rel=1e-12)

    def test_moves_it_little_with_a_prior(self) -> None:
        found = size(combined(make_spec("a", {"size_mult": 1.2}, stats=weighing(0.02)), prior_weight=1.0))

        assert found.value == pytest.approx(1.003581, abs=5e-7)

    def test_averages_linear_levers_towards_their_targets(self) -> None:
        found = combined(
            make_spec("a", {"entry_delay_bars": 2.0}, stats=weighing(0.3)),
            make_spec("b", {"entry_delay_bars": 1.0}, stats=weighing(0.1)),
        ).levers["entry_delay_bars"]

        assert found.target == pytest.approx(1.75)
        assert found.value == pytest.approx(0.2)
        assert found.cut == pytest.approx(0.2 - 1.75)

    def test_ignores_overrides_below_the_floor_and_says_what_they_weigh(self) -> None:
        found = combined(make_spec("a", stats=weighing(0.0199)))

        assert (found.levers, found.reason) == ({}, Reason.ALL_EXCLUDED)
        (excluded,) = found.excluded
        assert excluded.reason is ExclusionReason.BELOW_FLOOR
        assert excluded.w_total == pytest.approx(0.0199)

    def test_forgives_the_last_bits_at_the_floor(self) -> None:
        found = combined(make_spec("a", stats=weighing(0.02 - 1e-14)))

        assert found.reason is Reason.SINGLE

    def test_lists_equal_weights_by_id_though_their_last_bits_differ(self) -> None:
        found = combined(*pair((1.1, 0.3), (1.1, 0.3 + 1e-14)))

        assert [each.id for each in found.contributions] == ["a", "b"]
        assert found.contributions[0].w_total != found.contributions[1].w_total

    def test_lists_the_heaviest_first(self) -> None:
        found = combined(*pair((1.1, 0.3), (1.1, 0.4)))

        assert [each.id for each in found.contributions] == ["b", "a"]

    def test_survives_weights_of_nothing_where_there_is_no_floor(self) -> None:
        found = combined(make_spec("a", scope={}), min_total_weight=0.0)

        assert (size(found).value, size(found).support, size(found).cut) == (1.0, 0.0, 0.0)

    def test_ignores_the_age_limit_of_evidence(self) -> None:
        old = make_spec("a", stats={"updated_at": NOW - timedelta(days=31), "half_life_days": 1e6})

        assert combined(old, max_evidence_age_days=30).reason is Reason.SINGLE


class TestStepAndBounds:
    def test_start_from_the_callers_current_value(self) -> None:
        found = size(combined(make_spec(), request=make_request(current={"size_mult": 1.05})))

        assert found.current == 1.05
        assert found.value == pytest.approx(1.05 * 1.02)
        assert found.flags == (Flag.STEP_LIMITED,)

    def test_take_the_tightened_step_and_bounds(self) -> None:
        spec = make_spec(levers={"size_mult": 1.3})

        stepped = size(combined(spec, max_steps={"size_mult": 0.01}))
        bounded = size(combined(spec, bounds={"size_mult": (0.99, 1.015)}))

        assert stepped.value == pytest.approx(1.01, rel=1e-12)
        assert (bounded.value, bounded.bounded) == (1.015, True)
        assert bounded.flags == (Flag.STEP_LIMITED, Flag.BOUND_HIGH)

    def test_clip_a_current_value_outside_tightened_bounds_first_and_flag_it(self) -> None:
        found = size(
            combined(
                make_spec(levers={"size_mult": 1.0}),
                bounds={"size_mult": (0.9, 1.1)},
                request=make_request(current={"size_mult": 1.3}),
            )
        )

        assert found.current == 1.1
        assert found.value == pytest.approx(1.1 / 1.02)
        assert found.flags == (Flag.STEP_LIMITED, Flag.BOUND_HIGH)
        assert not found.bounded

    def test_do_not_flag_a_step_that_differs_by_rounding_only(self) -> None:
        for current in (0.1 + 0.0037 * index for index in range(100)):
            targets = {"min_ts_for_add": current + 0.05}
            specs = [make_spec(f"o{weight}", targets, stats=weighing(weight)) for weight in (0.1, 0.2, 0.3, 0.7)]
            found = combined(*specs, request=make_request(current={"min_ts_for_add": current}))

            assert (found.levers["min_ts_for_add"].step_limited, found.flags) == (False, ())

    @pytest.mark.parametrize(("name", "bound"), [("size_mult", 0.7), ("phase1_frac_mult", 1.5)])
    def test_do_not_flag_a_bound_that_differs_by_rounding_only(self, name: str, bound: float) -> None:
        for share in (0.8 + 0.0037 * index for index in range(100)):
            specs = (make_spec("a", {name: share}), make_spec("b", {name: bound / share}))
            found = combined(*specs, combiner=Combiner.EVIDENCE)

            assert (found.levers[name].bounded, found.flags) == (False, ())

    @pytest.mark.parametrize(("target", "flags"), [(-1e-12, ()), (-2e-12, (Flag.STEP_LIMITED,))])
    def test_flag_a_step_that_leaves_more_than_the_last_bits(self, target: float, flags: tuple[Flag, ...]) -> None:
        """From 0.2 one step of 0.2 leads down to 0."""
        spec, request = make_spec("a", {"entry_delay_bars": target}), make_request(current={"entry_delay_bars": 0.2})
        found = combined(spec, request=request)

        assert (found.levers["entry_delay_bars"].value, found.flags) == (0.0, flags)

    @pytest.mark.parametrize(
        ("target", "value", "flags"),
        [(-1e-12, 0.0, ()), (-2e-12, 0.0, (Flag.BOUND_LOW,)), (2e-12, 1e-12, ()), (3e-12, 1e-12, (Flag.BOUND_HIGH,))],
    )
    def test_flag_a_bound_that_takes_more_than_the_last_bits(
        self, target: float, value: float, flags: tuple[Flag, ...]
    ) -> None:
        spec = make_spec("a", {"entry_delay_bars": target})
        found = combined(spec, combiner=Combiner.MOST_SPECIFIC, bounds={"entry_delay_bars": (0.0, 1e-12)})
        lever = found.levers["entry_delay_bars"]

        assert (lever.value, lever.bounded, found.flags) == (value, bool(flags), flags)

    @pytest.mark.parametrize("other", [0.9, 0.95, 1.01, 1.03, 1.07])
    def test_cut_nothing_where_the_target_is_served(self, other: float) -> None:
        """Not even the last bits, in which the log of the product differs from the sum of the logs."""
        found = size(combined(*pair((1.1, 0.3), (other, 0.3)), combiner=Combiner.EVIDENCE))

        assert found.value == found.target == pytest.approx(1.1 * other)
        assert found.cut == 0.0

    def test_name_the_prior_under_plan_only(self) -> None:
        for combiner, prior in ((Combiner.PLAN, 1.5), (Combiner.EVIDENCE, 0.0), (Combiner.MOST_SPECIFIC, 0.0)):
            assert size(combined(make_spec(), combiner=combiner, prior_weight=1.5)).prior_weight == prior

    def test_list_levers_in_the_registrys_order(self) -> None:
        found = combined(make_spec("a", {"entry_aggression_mult": 1.1, "size_mult": 1.1}))

        assert list(found.levers) == ["size_mult", "entry_aggression_mult"]


class TestMostSpecific:
    def test_lets_more_trades_then_the_first_id_break_a_tie(self) -> None:
        found = combined(
            make_spec("a", {"size_mult": 1.2}, stats={"n": 50}),
            make_spec("b", {"size_mult": 1.1}, stats={"n": 60}),
            make_spec("c", {"size_mult": 0.9}, stats={"n": 60}),
            combiner=Combiner.MOST_SPECIFIC,
        )

        assert size(found).value == pytest.approx(1.1)
        assert size(found).support is None
        assert [each.id for each in found.contributions] == ["b"]

    def test_takes_no_step_and_ignores_the_current_value(self) -> None:
        found = size(
            combined(make_spec(), combiner=Combiner.MOST_SPECIFIC, request=make_request(current={"size_mult": 0.8}))
        )

        assert found.value == pytest.approx(1.1)
        assert found.current == 0.8


class TestEvidence:
    def test_multiplies_the_values(self) -> None:
        found = combined(*pair((1.10, 0.01), (0.95, 0.01)), combiner=Combiner.EVIDENCE)

        assert size(found).value == pytest.approx(1.10 * 0.95)
        assert size(found).prior_weight == 0.0

    def test_walks_an_approved_path_one_step_a_day(self) -> None:
        path = Path({"size_mult": 0.95}, NOW - timedelta(hours=36))
        found = combined(make_spec(levers={"size_mult": 1.1}, path=path), combiner=Combiner.EVIDENCE)

        assert size(found).value == pytest.approx(0.95 * 1.02**1.5)
        assert (size(found).flags, found.flags) == ((Flag.RAMPING,), (Flag.RAMPING,))
        assert found.contributions[0].targets == {"size_mult": size(found).value}

    def test_starts_a_path_at_neutral_where_it_names_no_value(self) -> None:
        path = Path({}, NOW - timedelta(hours=24))
        found = combined(make_spec(levers={"size_mult": 1.1}, path=path), combiner=Combiner.EVIDENCE)

        assert size(found).value == pytest.approx(1.02)

    def test_stops_flagging_a_path_that_has_arrived(self) -> None:
        path = Path({}, NOW - timedelta(days=30))
        found = combined(make_spec(levers={"size_mult": 1.1}, path=path), combiner=Combiner.EVIDENCE)

        assert size(found).value == pytest.approx(1.1)
        assert found.flags == ()

    def test_excludes_evidence_past_its_age(self) -> None:
        limit = NOW - timedelta(days=30)
        found = combined(
            make_spec("a", stats={"updated_at": limit}),
            make_spec("b", stats={"updated_at": limit - timedelta(seconds=1)}),
            combiner=Combiner.EVIDENCE,
            max_evidence_age_days=30,
        )

        assert [each.id for each in found.contributions] == ["a"]
        assert [(each.id, each.reason) for each in found.excluded] == [("b", ExclusionReason.STALE)]

    def test_survives_a_sum_no_double_could_hold(self) -> None:
        many = [make_spec(f"o{index:02}", {"size_mult": 1e9}) for index in range(60)]
        found = size(combined(*many, combiner=Combiner.EVIDENCE))

        assert (found.value, math.isfinite(found.target), math.isfinite(found.cut)) == (1.3, True, True)


class TestRequest:
    @pytest.mark.parametrize("value", [1.31, 0.69, float("nan"), float("inf"), True, "1.1", None])
    def test_refuses_a_current_value_outside_the_registrys_bounds(self, value: Any) -> None:
        with pytest.raises(ValueError, match=r"current\.size_mult"):
            make_request(current={"size_mult": value})

    def test_refuses_a_lever_it_does_not_know(self) -> None:
        with pytest.raises(ValueError, match=r"current\.wings"):
            make_request(current={"wings": 1.0})

    def test_refuses_a_time_without_a_zone(self) -> None:
        with pytest.raises(ValueError, match="at: has no time zone"):
            make_request(at=NOW.replace(tzinfo=None))
