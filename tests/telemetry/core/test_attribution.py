from __future__ import annotations

import json
from itertools import permutations
from math import exp, expm1, fsum, log, prod
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from telemetry.core.attribution import Attribution, Leg, ScalingLever, as_applied, attribute, attribute_trade

GOLDEN = json.loads(Path(__file__).with_name("attribution.json").read_text())

VALUES = st.one_of(st.floats(0.1, 10), st.floats(-1e-8, 1e-8).map(lambda tiny: 1 + tiny), st.just(1.0))
PARTS = st.dictionaries(st.sampled_from(["a", "b", "c", "prior", "cap"]), st.floats(-1.5, 1.5), max_size=5)
LEVERS = st.lists(st.builds(ScalingLever, VALUES, VALUES, PARTS), max_size=4)
RESULTS = st.floats(-1e4, 1e4)


def summed(won: Attribution) -> float:
    return fsum([*won.shares.values(), won.carried, won.residual])


def naive(levers: list[ScalingLever], rr: float) -> dict[str, float]:
    """Compute the shares straight from the formula, for levers whose parts do not cancel."""
    total_delta = sum(log(lever.m / lever.m0) for lever in levers)
    shares: dict[str, float] = {}
    for lever in levers:
        for name, part in lever.parts.items():
            scale = prod(each.m0 for each in levers) * expm1(total_delta) / total_delta
            share = part * log(lever.m / lever.m0) / sum(lever.parts.values()) * scale * rr
            shares[name] = shares.get(name, 0) + share
    return shares


def shapley(parts: list[float]) -> list[float]:
    """Compute the Shapley values of exp(sum of parts) - 1 from all orders in which the overrides may come."""
    values = [0.0] * len(parts)
    orders = list(permutations(range(len(parts))))
    for order in orders:
        before = 0.0
        for player in order:
            values[player] += (exp(before + parts[player]) - exp(before)) / len(orders)
            before += parts[player]
    return values


class TestAttribute:
    @pytest.mark.parametrize("case", GOLDEN, ids=[str(index) for index in range(len(GOLDEN))])
    def test_agrees_with_the_golden_cases(self, case: dict[str, Any]) -> None:
        won = attribute([ScalingLever(**lever) for lever in case["given"]["levers"]], case["given"]["rr"])

        assert won.shares == pytest.approx(case["expect"]["shares"], rel=1e-9, abs=1e-15)
        for name in ("carried", "residual", "total"):
            assert getattr(won, name) == pytest.approx(case["expect"][name], rel=1e-9, abs=1e-15), name

    @given(LEVERS, RESULTS)
    @example([ScalingLever(1.0, 1 + 1e-12, {"a": 1e-12})], 1.0)
    @example([ScalingLever(0.9, 1.3, {"a": 0.1, "b": -0.1 + 1.01e-9})], -3.0)
    @example([ScalingLever(0.9, 1.3, {"a": 1.4, "b": -1.4 + 1.1e-9}), ScalingLever(1.0, 0.2, {"c": 0.1})], 1.0)
    @example([ScalingLever(2.0, 0.5, {"a": 1.0}), ScalingLever(0.5, 2.0, {"b": 1.0})], 1.0)
    def test_shares_out_exactly_the_total(self, levers: list[ScalingLever], rr: float) -> None:
        won = attribute(levers, rr)

        assert won.total == (prod(lever.m for lever in levers) - 1) * rr
        assert abs(summed(won) - won.total) <= 1e-9 * max(1.0, abs(rr))

    @given(st.lists(st.tuples(VALUES, VALUES, st.floats(0.01, 1), st.floats(0.01, 1)), min_size=1, max_size=4), RESULTS)
    def test_agrees_with_the_formula(self, rows: list[tuple[float, float, float, float]], rr: float) -> None:
        levers = [ScalingLever(m0, m, {"a": a, f"b{i}": b}) for i, (m0, m, a, b) in enumerate(rows)]
        if abs(sum(log(lever.m / lever.m0) for lever in levers)) < 1e-6:
            return  # the formula would divide by zero

        assert attribute(levers, rr).shares == pytest.approx(naive(levers, rr), rel=1e-6, abs=1e-9 * max(1, abs(rr)))

    @given(st.lists(st.floats(-0.1, 0.1), min_size=1, max_size=6))
    @example([0.1, 0.1, 0.1, -0.1, -0.1, 0.1])
    def test_is_close_to_the_shapley_values_where_nothing_was_cut(self, parts: list[float]) -> None:
        assume(abs(fsum(parts)) <= log(1.3))
        named = {str(number): part for number, part in enumerate(parts)}

        won = attribute([ScalingLever(1.0, exp(fsum(parts)), named)], rr=1.0)

        exact = shapley(parts)
        assert [won.shares[str(number)] for number in range(len(parts))] == pytest.approx(exact, abs=0.002)

    def test_gives_each_part_what_the_bounds_left_of_it(self) -> None:
        parts = {"a": 2 * log(1.1), "b": log(1.1), "prior": -log(1.1)}  # 2 ln 1.1 in all, of which half was served

        won = attribute([ScalingLever(1.0, 1.1, parts)], rr=3.0)

        assert won.total == pytest.approx(0.3, rel=1e-12)
        assert won.shares == pytest.approx({"a": 0.3, "b": 0.15, "prior": -0.15}, rel=1e-12)

    def test_sets_apart_what_was_carried_from_before(self) -> None:
        won = attribute([ScalingLever(1.2, 1.2 * 1.02, {"a": log(1.02)})], rr=2.0)

        assert won.carried == pytest.approx(0.4, rel=1e-12)
        assert won.shares == pytest.approx({"a": 2 * 1.2 * 0.02}, rel=1e-12)

    def test_shares_a_product_between_its_levers_by_their_logs(self) -> None:
        levers = [ScalingLever(1.0, 2.0, {"a": log(2)}), ScalingLever(1.0, 4.0, {"b": log(4)})]

        assert attribute(levers, rr=3.0).shares == pytest.approx({"a": 7.0, "b": 14.0}, rel=1e-12)

    def test_leaves_what_no_override_contributed_as_residual(self) -> None:
        cancelled = attribute([ScalingLever(1.0, 1.1, {"a": 0.05, "b": -0.05})], rr=1.0)
        silent = attribute([ScalingLever(1.0, 1.1, {})], rr=1.0)

        assert (silent.shares, silent.carried) == ({}, 0.0)
        assert [silent.residual, silent.total] == pytest.approx([0.1, 0.1], rel=1e-12)
        assert cancelled.residual == pytest.approx(0.1, rel=1e-12)
        unit = 0.1 / log(1.1)
        assert cancelled.shares == pytest.approx({"a": 0.05 * unit, "b": -0.05 * unit}, rel=1e-12)

    @pytest.mark.parametrize(("gap", "is_cancelled"), [(0.9e-9, True), (1.1e-9, False)])
    def test_draws_the_line_at_a_billionth(self, gap: float, is_cancelled: bool) -> None:
        won = attribute([ScalingLever(1.0, 1.1, {"a": gap})], rr=1.0)

        assert (won.residual > 0.09) == is_cancelled
        assert (won.shares["a"] > 0.09) == (not is_cancelled)

    @given(LEVERS)
    def test_gives_nothing_for_a_trade_that_earned_nothing(self, levers: list[ScalingLever]) -> None:
        won = attribute(levers, 0.0)

        assert (won.total, won.carried, won.residual) == (0, 0, 0)
        assert all(share == 0 for share in won.shares.values())

    def test_gives_nothing_without_levers(self) -> None:
        assert attribute([], 2.0) == Attribution({}, 0.0, 0.0, 0.0)

    @given(LEVERS, st.floats(0.1, 100))
    def test_follows_the_sign_of_the_outcome(self, levers: list[ScalingLever], rr: float) -> None:
        won, lost = attribute(levers, rr), attribute(levers, -rr)

        assert {name: -share for name, share in won.shares.items()} == lost.shares

    @pytest.mark.parametrize("rr", [float("nan"), float("inf")])
    def test_refuses_an_outcome_that_is_no_number(self, rr: float) -> None:
        with pytest.raises(ValueError, match=r"^rr: "):
            attribute([], rr)


class TestScalingLever:
    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_refuses_parts_that_are_no_number(self, value: float) -> None:
        with pytest.raises(ValueError, match=r"^parts\.a: "):
            ScalingLever(1.0, 1.0, {"a": value})

    @pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
    def test_refuses_values_without_a_logarithm(self, value: float) -> None:
        with pytest.raises(ValueError, match=r"^m0: "):
            ScalingLever(value, 1.0, {})
        with pytest.raises(ValueError, match=r"^m: "):
            ScalingLever(1.0, value, {})


class TestAttributeTrade:
    ENTRY = ScalingLever(1.0, 1.1, {"a": log(1.1)})
    ADD = ScalingLever(1.0, 1.2, {"b": log(1.2), "a": 0.0})

    def test_scales_the_whole_trade_by_the_entry_and_a_leg_by_its_add(self) -> None:
        whole = attribute_trade([self.ENTRY], 2.0, [Leg("add", [self.ADD], fraction=0.25, leg_rr=-4.0)])

        assert whole.attribution.shares == pytest.approx({"a": 0.2, "b": -0.2}, rel=1e-12)
        assert whole.attribution.total == pytest.approx(0.0, abs=1e-15)
        assert whole.unattributed == ()

    @pytest.mark.parametrize(("fraction", "leg_rr"), [(None, 1.0), (0.5, None), (None, None)])
    def test_names_the_legs_it_knows_too_little_of(self, fraction: float | None, leg_rr: float | None) -> None:
        whole = attribute_trade([self.ENTRY], 2.0, [Leg("add", [self.ADD], fraction, leg_rr)])

        assert whole.unattributed == ("add",)
        assert whole.attribution == attribute([self.ENTRY], 2.0)

    def test_does_not_miss_a_leg_that_scaled_nothing(self) -> None:
        assert attribute_trade([], 2.0, [Leg("add", [], None, None)]).unattributed == ()

    def test_takes_a_leg_that_earned_nothing_for_known(self) -> None:
        whole = attribute_trade([], 2.0, [Leg("add", [self.ADD], 0.5, 0.0)])

        assert (whole.unattributed, whole.attribution.shares) == ((), {"b": 0.0, "a": 0.0})

    @given(LEVERS, RESULTS, st.lists(st.tuples(LEVERS, st.floats(0.01, 1), st.floats(-100, 100)), max_size=3))
    def test_shares_out_exactly_the_total(
        self, levers: list[ScalingLever], rr: float, adds: list[tuple[list[ScalingLever], float, float]]
    ) -> None:
        legs = [Leg(str(index), *add) for index, add in enumerate(adds)]

        won = attribute_trade(levers, rr, legs).attribution

        largest = max([abs(rr), *(abs(fraction * leg_rr) for _, fraction, leg_rr in adds), 1.0])
        assert abs(summed(won) - won.total) <= 1e-9 * largest * (1 + len(legs))


class TestAsApplied:
    """Two parts of ln 1.02 and ln 1.04 asked for the size; the step limit served 1.02."""

    SERVED = {"size_mult": ScalingLever(1.0, 1.02, {"a": log(1.02), "b": log(1.04)})}

    def test_shares_what_was_applied_in_the_proportion_of_the_parts(self) -> None:
        served = attribute(list(self.SERVED.values()), 2.0)
        applied = attribute(as_applied(self.SERVED, {"size_mult": 1.01}), 2.0)

        assert applied.total == pytest.approx(0.01 * 2.0, abs=1e-12)
        assert summed(applied) == pytest.approx(applied.total, abs=1e-12)
        for name, share in served.shares.items():
            assert applied.shares[name] / applied.total == pytest.approx(share / served.total, rel=1e-12)

    def test_earns_nothing_where_neutral_was_applied(self) -> None:
        won = attribute(as_applied(self.SERVED, {"size_mult": 1.0}), 2.0)

        assert (won.shares, won.total) == ({"a": 0.0, "b": 0.0}, 0.0)

    @pytest.mark.parametrize("value", [0.9, 0.01])
    def test_earns_nothing_where_the_opposite_was_applied(self, value: float) -> None:
        """Who was served more and used less would otherwise have earned most of a loss that was avoided."""
        won = attribute(as_applied(self.SERVED, {"size_mult": value}), -2.0)

        assert won.shares == {"a": 0.0, "b": 0.0}
        assert won.total == pytest.approx(won.residual, abs=1e-12) == pytest.approx(2 * (1 - value), abs=1e-12)

    @pytest.mark.parametrize("value", [1.03, 5.0, 1e6])
    def test_earns_no_more_than_was_served(self, value: float) -> None:
        served = attribute(list(self.SERVED.values()), 2.0)
        won = attribute(as_applied(self.SERVED, {"size_mult": value}), 2.0)

        assert won.shares == pytest.approx(served.shares, rel=1e-12)
        assert won.total == pytest.approx((value - 1) * 2.0, rel=1e-12)
        assert won.residual == pytest.approx((value - 1.02) * 2.0, rel=1e-9)

    @given(st.builds(ScalingLever, VALUES, VALUES, PARTS), st.floats(0.001, 1e6), RESULTS)
    def test_never_gives_more_than_serving_did(self, lever: ScalingLever, value: float, rr: float) -> None:
        assume(abs(fsum(lever.parts.values())) > 1e-6)
        served, won = (attribute(each, rr) for each in ([lever], as_applied({"x": lever}, {"x": value})))

        for name, share in won.shares.items():
            assert abs(share) <= abs(served.shares[name]) * (1 + 1e-9) + 1e-9
            assert share * served.shares[name] >= 0

    def test_leaves_other_levers_as_served(self) -> None:
        assert as_applied(self.SERVED, {"trail_mult": 0.5}) == list(self.SERVED.values())
        assert as_applied(self.SERVED, {}) == list(self.SERVED.values())

    def test_takes_the_cap_and_the_lever_it_cuts_as_one(self) -> None:
        """1.02 was cut to 1.01; 1.01 applied changes no share, and 1.005 scales those of overrides and cap alike."""
        cut = log(1.01) - log(1.02)
        levers = {**self.SERVED, "cap": ScalingLever(1.0, 1.01 / 1.02, {"cap": cut})}
        served = attribute(list(levers.values()), 2.0)

        same = attribute(as_applied(levers, {"size_mult": 1.01}, capped="size_mult"), 2.0)
        half = attribute(as_applied(levers, {"size_mult": 1.005}, capped="size_mult"), 2.0)

        assert same.shares == pytest.approx(served.shares, abs=1e-12)
        assert half.total == pytest.approx(0.005 * 2.0, abs=1e-12)
        assert {name: half.shares[name] / half.total for name in served.shares} == pytest.approx(
            {name: share / served.total for name, share in served.shares.items()}, rel=1e-9
        )

    def test_takes_a_cut_of_neutral_for_what_was_served(self) -> None:
        levers = {"cap": ScalingLever(1.0, 0.9, {"cap": log(0.9)})}

        won = attribute(as_applied(levers, {"size_mult": 0.95}, capped="size_mult"), 2.0)

        assert won.shares == {"cap": pytest.approx(-0.1, abs=1e-12)}

    @pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
    def test_refuses_values_that_are_no_multipliers(self, value: float) -> None:
        with pytest.raises(ValueError, match="is no lever value"):
            as_applied(self.SERVED, {"size_mult": value})

    @given(LEVERS, st.floats(0.1, 10), RESULTS)
    def test_adds_up_whatever_was_applied(self, levers: list[ScalingLever], value: float, rr: float) -> None:
        named = {str(number): lever for number, lever in enumerate(levers)}
        applied = dict.fromkeys(named, value)

        won = attribute(as_applied(named, applied), rr)

        assert summed(won) == pytest.approx(won.total, abs=1e-9 * max(1, abs(rr)))
        assert won.total == pytest.approx((value ** len(levers) - 1) * rr, rel=1e-9, abs=1e-9)
