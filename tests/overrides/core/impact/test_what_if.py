"""Two engines compared on the same requests: counts, distributions and changes, by hand and against `combine`."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from math import log
from typing import Any

import pytest

from overrides.core.engine.combination import Request
from overrides.core.engine.combine import combine
from overrides.core.engine.compile_module import compile_module
from overrides.core.engine.definitions.coefficients import read_weights
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.core.engine.position_scaling import Scaling
from overrides.core.engine.serve import Answer, answer, rounded_for_output
from overrides.core.impact.version_pair import VersionSide
from overrides.core.impact.what_if import Comparison
from tests.builders import DAY, HEAVY, KEY, NOW, SCOPE, make_parameters, make_spec

MICRO = {"bucket": "micro"}
LoggedRequest = tuple[str, str, Mapping[str, str], datetime, Mapping[str, float]]
HERE: LoggedRequest = (KEY, "entry", SCOPE, NOW, {})


def side(*specs: OverrideSpec, parameters: ModuleParameters | None = None) -> VersionSide:
    parameters = parameters or make_parameters()
    return VersionSide(compile_module(parameters, specs), frozenset(parameters.protected_motifs))


def compared(before: VersionSide, after: VersionSide, *requests: LoggedRequest, module: str = "pm") -> dict[str, Any]:
    comparison = Comparison(module, before, after)
    for pattern_key, category, scope, at, current in requests:
        comparison.add_request(pattern_key, category, json.dumps(scope), at, current)
    return comparison.document()


def counts(document: Mapping[str, Any]) -> dict[str, int]:
    names = ("asked", "touched", "changed", "newly_moved", "no_longer_moved", "unreadable")
    return {name: document[name] for name in names if document[name]}


class TestCounts:
    def test_a_new_line_moves_whom_it_matches(self) -> None:
        found = compared(side(), side(make_spec()), HERE, (KEY, "entry", MICRO, NOW, {}), (KEY, "add", SCOPE, NOW, {}))

        assert counts(found) == {"asked": 3, "touched": 1, "changed": 1, "newly_moved": 1}

    def test_a_withdrawn_line_moves_nobody_any_more(self) -> None:
        assert counts(compared(side(make_spec()), side(), HERE)) == {
            "asked": 1, "touched": 1, "changed": 1, "no_longer_moved": 1,
        }  # fmt: skip

    def test_a_changed_target_out_of_reach_changes_nothing(self) -> None:
        """1.1 and 1.2 are both more than a step away, so 1.02 is served either way, except from values near them."""
        sides = side(make_spec()), side(make_spec({"size_mult": 1.2}))

        assert counts(compared(*sides, HERE)) == {"asked": 1, "touched": 1}
        assert counts(compared(*sides, (KEY, "entry", SCOPE, NOW, {"size_mult": 1.09}))) == {
            "asked": 1, "touched": 1, "changed": 1,
        }  # fmt: skip

    def test_untouched_requests_are_counted_and_not_computed(self) -> None:
        other = make_spec({"size_mult": 0.9}, pattern_key="a.b.c")

        found = compared(side(make_spec()), side(make_spec(), other), *[HERE] * 5)

        assert counts(found) == {"asked": 5}
        assert (found["levers"], found["patterns"], found["lines"]) == ({}, [], [])

    def test_parameters_of_learning_alone_touch_nobody(self) -> None:
        parameters = make_parameters(lessons={"edge_min": 0.9})

        assert counts(compared(side(make_spec()), side(make_spec(), parameters=parameters), HERE)) == {"asked": 1}

    def test_protecting_a_motif_is_a_change_of_rules(self) -> None:
        parameters = make_parameters(protected_motifs=["breakout"])

        assert counts(compared(side(make_spec()), side(make_spec(), parameters=parameters), HERE)) == {
            "asked": 1, "touched": 1, "changed": 1, "no_longer_moved": 1,
        }  # fmt: skip

    @pytest.mark.parametrize(
        "logged", [(KEY, "entry", ["bucket"], NOW, {}), (KEY, "entry", SCOPE, NOW, {"size_mult": 9.0})]
    )
    def test_a_request_nobody_can_answer_is_counted_apart(self, logged: Any) -> None:
        assert counts(compared(side(), side(make_spec()), logged)) == {"asked": 1, "unreadable": 1}

    def test_no_requests_give_a_result(self) -> None:
        found = compared(side(), side(make_spec()))

        assert (counts(found), found["exposure"]["mean_ln"], found["as_of"]) == ({}, 0.0, None)


class TestLevers:
    def test_by_hand(self) -> None:
        """Neutral before; after: 1.02 for the first, and the step down from 1.2 to 1.2 / 1.02 for the second."""
        found = compared(side(), side(make_spec()), HERE, (KEY, "entry", SCOPE, NOW, {"size_mult": 1.2}))

        [(name, lever)] = found["levers"].items()
        low, high = log(1.02), log(rounded_for_output(1.2 / 1.02))
        assert (name, lever["requests"], lever["raised"], lever["lowered"]) == ("size_mult", 2, 2, 0)
        assert lever["quantiles"]["before"] == dict.fromkeys(lever["quantiles"]["before"], 0.0)
        assert lever["quantiles"]["after"]["lowest"] == pytest.approx(low, abs=1e-9)
        assert lever["quantiles"]["change"]["highest"] == pytest.approx(high, abs=1e-9)
        assert lever["quantiles"]["change"]["mean"] == pytest.approx((low + high) / 2, abs=1e-9)
        assert lever["step_limited"] == {"before": 0, "after": 2}
        assert sum(lever["histogram"]["before"]) == sum(lever["histogram"]["after"]) == 2
        assert lever["histogram"]["before"][0] == 2
        assert lever["histogram"]["edges"][-1] == pytest.approx(high, abs=1e-9)

    def test_tightened_bounds_are_hit(self) -> None:
        weights = make_parameters().to_document()["channels"]["pm_strength"]["weights"]
        tight = make_parameters({"weights": weights | {"bounds": {"size_mult": [0.99, 1.01]}}})

        found = compared(side(make_spec()), side(make_spec(), parameters=tight), HERE)

        assert found["levers"]["size_mult"]["bounded"] == {"before": 0, "after": 1}
        assert found["levers"]["size_mult"]["lowered"] == 1

    def test_levers_that_stay_neutral_have_one_bar(self) -> None:
        weak = make_spec(stats={"edge_raw": 0.0})
        weights = make_parameters().to_document()["channels"]["pm_strength"]["weights"]
        without_floor = make_parameters({"weights": weights | {"min_total_weight": 0.0}})

        found = compared(side(weak), side(weak, parameters=without_floor), HERE)

        assert found["levers"]["size_mult"]["histogram"] == {"edges": [-0.5, 0.5], "before": [1], "after": [1]}


class TestExposure:
    def test_is_the_mean_over_all_whom_a_scaling_lever_applies_to(self) -> None:
        untouched: LoggedRequest = (KEY, "entry", {}, NOW, {})
        found = compared(side(), side(make_spec()), HERE, untouched, (KEY, "exit", SCOPE, NOW, {}))

        exposure = found["exposure"]
        assert exposure["asked"] == 2
        assert exposure["mean_ln"] == pytest.approx(log(1.02) / 2, abs=1e-9)
        assert exposure["categories"] == {"entry": {"asked": 2, "mean_ln": pytest.approx(log(1.02) / 2, abs=1e-9)}}

    def test_a_larger_trim_lowers_it(self) -> None:
        trim = make_spec(action_category="trim")

        found = compared(side(), side(trim), (KEY, "trim", SCOPE, NOW, {}))

        assert found["exposure"]["mean_ln"] == pytest.approx(-log(1.02), abs=1e-9)

    def test_levers_whose_effect_is_not_identified_have_none(self) -> None:
        found = compared(side(), side(make_spec({"entry_aggression_mult": 1.1})), HERE)

        assert (found["changed"], found["exposure"]["mean_ln"]) == (1, 0.0)


ALLOCATION = "dm_pattern.allocation.allocation"
BASE: LoggedRequest = (ALLOCATION, "allocation", {"chain": "base"}, NOW, {})
SOLANA: LoggedRequest = (ALLOCATION, "allocation", {"chain": "solana"}, NOW, {})


def dm_side(
    *specs: OverrideSpec, weights: Mapping[str, float] | None = None, cap: float | None = None, **over: Any
) -> VersionSide:
    """Return a dm side in which every line is heavy enough to act, however few dimensions it has."""
    weights_of_lines = make_parameters(module="dm").to_document()["channels"]["dm_alloc"]["weights"]
    without_floor = {"weights": weights_of_lines | {"min_total_weight": 0.0}}
    parameters = make_parameters(without_floor, module="dm", product_cap=cap, **over)
    scaling = Scaling(read_weights(weights or {}), cap)
    return VersionSide(compile_module(parameters, specs), frozenset(parameters.protected_motifs), scaling)


def alloc(value: float, **over: Any) -> OverrideSpec:
    place = {"type": "dm_alloc", "module": "dm", "pattern_key": ALLOCATION, "action_category": "allocation"}
    return make_spec({"alloc_mult": value}, **{**place, "scope": {"chain": "base"}, "stats": HEAVY, **over})


class TestCoefficientProduct:
    def test_by_hand(self) -> None:
        """Base goes from 1 to 1.2, solana stays at 1.5: one of two decisions changes, its allocation by +20 %."""
        before, after = {"chain=solana": 1.5}, {"chain=solana": 1.5, "chain=base": 1.2}

        found = compared(dm_side(weights=before), dm_side(weights=after), BASE, SOLANA, module="dm")

        assert counts(found) == {"asked": 2, "touched": 1, "changed": 1, "newly_moved": 1}
        [(name, product)] = found["levers"].items()
        assert (name, product["neutral"], product["requests"], product["raised"]) == ("coefficient product", 1.0, 1, 1)
        assert product["quantiles"]["change"]["mean"] == pytest.approx(log(1.2), abs=1e-9)
        assert product["capped"] == product["bounded"] == {"before": 0, "after": 0}
        assert found["exposure"]["mean_ln"] == pytest.approx(log(1.2) / 2, abs=1e-9)
        assert found["patterns"][0]["mean_change"] == {"coefficient product": pytest.approx(log(1.2), abs=1e-9)}
        [weight] = found["weights"]
        assert (weight["part"], weight["changed"]) == ("chain=base", 1)
        assert weight["steps"] == pytest.approx(log(1.2) / log(1.02), abs=1e-9)

    def test_stops_at_its_own_bounds(self) -> None:
        scope = {"chain": "base", "curator": "c", "intent": "i"}
        weights = {"chain=base": 1.5, "curator=c": 1.5, "intent=i": 1.5}

        found = compared(dm_side(), dm_side(weights=weights), (ALLOCATION, "allocation", scope, NOW, {}), module="dm")

        product = found["levers"]["coefficient product"]
        assert product["bounded"] == {"before": 0, "after": 1}
        assert product["quantiles"]["after"]["mean"] == pytest.approx(log(2.0), abs=1e-9)

    def test_is_cut_by_a_new_cap_where_something_moves(self) -> None:
        weights = {"chain=base": 1.5}

        found = compared(dm_side(weights=weights), dm_side(weights=weights, cap=1.2), BASE, SOLANA, module="dm")

        assert counts(found) == {"asked": 2, "touched": 1, "changed": 1}
        product = found["levers"]["coefficient product"]
        assert product["capped"] == {"before": 0, "after": 1}
        assert product["quantiles"]["change"]["mean"] == pytest.approx(log(1.2 / 1.5), abs=1e-9)
        assert [each["part"] for each in found["weights"]] == ["cap"]

    def test_makes_room_for_a_line_under_a_cap(self) -> None:
        """Without the line 1.2; with an alloc_mult of 1.02 the cap of 1.2 leaves 1.2 / 1.02 of the weight."""
        before, after = (dm_side(*specs, weights={"chain=base": 1.5}, cap=1.2) for specs in ((), (alloc(1.02),)))

        found = compared(before, after, BASE, module="dm")

        assert found["levers"]["alloc_mult"]["raised"] == found["levers"]["coefficient product"]["lowered"] == 1
        assert found["exposure"]["mean_ln"] == pytest.approx(0.0, abs=1e-8)

    def test_counts_no_decision_as_newly_moved_that_a_line_moved_already(self) -> None:
        found = compared(dm_side(alloc(1.02)), dm_side(alloc(1.02), weights={"chain=base": 0.9}), BASE, module="dm")

        assert counts(found) == {"asked": 1, "touched": 1, "changed": 1}
        assert list(found["levers"]) == ["coefficient product"]

    def test_is_one_where_a_motif_becomes_protected(self) -> None:
        weights = {"chain=base": 1.5}
        protected = dm_side(weights=weights, protected_motifs=["allocation"])

        assert counts(compared(dm_side(weights=weights), protected, BASE, module="dm")) == {
            "asked": 1, "touched": 1, "changed": 1, "no_longer_moved": 1,
        }  # fmt: skip

    def test_has_no_row_where_lines_alone_change_and_nothing_caps(self) -> None:
        weights = {"chain=base": 1.5}

        found = compared(dm_side(weights=weights), dm_side(alloc(1.02), weights=weights), BASE, module="dm")

        assert list(found["levers"]) == ["alloc_mult"]

    def test_of_pm_is_left_out_and_says_so(self) -> None:
        parameters = make_parameters(product_cap=1.0)
        capped = VersionSide(compile_module(parameters, []), frozenset(), Scaling(cap=1.0))

        found = compared(side(), capped, HERE)

        assert counts(found) == {"asked": 1}
        assert "Levers alone" in found["caveats"][-1]

    @pytest.mark.parametrize("seed", range(4))
    def test_agrees_with_single_answers(self, seed: int) -> None:
        chance = random.Random(seed)
        values = {"chain": "xyz", "curator": "xyz", "intent": "xyz"}

        def weights() -> dict[str, float]:
            names = [f"{lever}={value}" for lever, known in values.items() for value in known]
            return {name: chance.uniform(0.5, 2) for name in names if chance.random() < 0.6}

        def lines() -> list[OverrideSpec]:
            specs = [alloc(chance.uniform(0.9, 1.1), scope={"chain": value}) for value in "xyz"]
            return [spec for spec in specs if chance.random() < 0.7]

        caps = chance.choice([None, 1.1]), chance.choice([None, 1.3])
        first, kept = lines(), chance.random() < 0.5
        before = dm_side(*first, weights=weights(), cap=caps[0])
        after = dm_side(*(first if kept else lines()), weights=weights(), cap=caps[1])
        requests: list[LoggedRequest] = [
            (ALLOCATION, "allocation", {name: chance.choice("xyzw") for name in values}, NOW, {}) for _ in range(120)
        ]

        found = compared(before, after, *requests, module="dm")

        changes = [
            log(other.coefficient_product) - log(one.coefficient_product)
            for one, other in ((served_by(before, each), served_by(after, each)) for each in requests)
        ]
        product = found["levers"]["coefficient product"]
        assert product["changed"] == sum(change != 0 for change in changes) > 0
        assert product["quantiles"]["change"]["mean"] * product["requests"] == pytest.approx(sum(changes), abs=1e-9)


def served_by(side: VersionSide, logged: LoggedRequest) -> Answer:
    request = Request("dm", *logged)
    motifs, scaling = side.protected_motifs, side.scaling
    return answer(side.compiled, ServingMode(Mode.ON), request, protected_motifs=motifs, scaling=scaling)


class TestMovers:
    def test_patterns_come_by_how_far_they_move_in_steps(self) -> None:
        far = make_spec({"size_mult": 1.1, "entry_aggression_mult": 1.1}, pattern_key="a.b.c")

        found = compared(side(), side(make_spec(), far), HERE, ("a.b.c", "entry", SCOPE, NOW, {}), HERE)

        # two requests of one step each, and one of two levers by one step each: equal, so ordered by name
        assert [(each["pattern_key"], each["asked"], each["changed"]) for each in found["patterns"]] == [
            ("a.b.c", 1, 1),
            (KEY, 2, 2),
        ]
        assert found["patterns"][0]["steps"] == pytest.approx(2.0, abs=1e-6)
        assert found["patterns"][1]["mean_change"] == {"size_mult": pytest.approx(log(1.02), abs=1e-9)}

    def test_lines_change_by_their_parts_also_those_that_only_share(self) -> None:
        """A second line halves the weight of the first: both are listed, in units before step limit and bounds."""
        first, second = make_spec({"size_mult": 1.1}), make_spec({"size_mult": 0.9}, scope={"timeframe": "4h", **MICRO})

        found = compared(side(first), side(first, second), (KEY, "entry", SCOPE | {"timeframe": "4h"}, NOW, {}))

        lines = {each["line"]: each["mean_change"]["size_mult"] for each in found["lines"]}
        assert lines == {
            first.line: pytest.approx(-log(1.1) / 2, abs=1e-12),
            second.line: pytest.approx(log(0.9) / 2, abs=1e-12),
        }


def random_specs(chance: random.Random, policy: str) -> dict[str, OverrideSpec]:
    specs = (
        make_spec(
            {"size_mult": chance.uniform(0.8, 1.2), "entry_aggression_mult": chance.uniform(0.85, 1.15)},
            scope={name: chance.choice("xyz") for name in chance.sample(("bucket", "timeframe", "macro_phase"), 2)},
            pattern_key=f"a.b.c{chance.randint(0, 2)}",
            policy=policy,
            stats={"edge_raw": chance.uniform(-2, 2), "n": chance.randint(5, 60), "variance": chance.random()},
        )
        for _ in range(15)
    )
    return {spec.line: spec for spec in specs}


def random_request(chance: random.Random) -> LoggedRequest:
    scope = {name: chance.choice("xyz") for name in ("bucket", "timeframe", "macro_phase", "weather")}
    current = {"size_mult": chance.uniform(0.7, 1.3)} if chance.random() < 0.5 else {}
    return f"a.b.c{chance.randint(0, 3)}", "entry", scope, NOW + timedelta(days=chance.uniform(-5, 60)), current


def one_by_one(before: VersionSide, after: VersionSide, requests: Iterable[LoggedRequest]) -> list[dict[str, float]]:
    """Return the change of every lever of every request in units, from two separate answers each."""
    changes = []
    for key, category, scope, at, current in requests:
        one, other = (
            combine(each.compiled, Request("pm", key, category, scope, at, current)) for each in (before, after)
        )
        values = [
            {
                name: lever.unit(rounded_for_output(c.levers[name].value)) if name in c.levers else 0.0
                for name, lever in LEVERS.items()
            }
            for c in (one, other)
        ]
        changes.append({name: values[1][name] - values[0][name] for name in LEVERS})
    return changes


class TestAgainstCombine:
    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize(
        ("policy", "combiner"), [("plan", "plan"), ("plan", "most_specific"), ("evidence", "evidence")]
    )
    def test_agrees_request_by_request(self, policy: str, combiner: str, seed: int) -> None:
        chance = random.Random(seed)
        in_force = random_specs(chance, policy)
        changed = {line: spec for line, spec in in_force.items() if chance.random() < 0.8} | random_specs(
            chance, policy
        )
        weights = make_parameters().to_document()["channels"]["pm_strength"]["weights"]
        parameters = make_parameters({"policy": policy, "combiner": combiner})
        tight = {"weights": weights | {"n_target": 10 + seed, "bounds": {"size_mult": [0.95, 1.05]}}}
        other = make_parameters({"policy": policy, "combiner": combiner} | tight) if seed % 2 else parameters
        before = side(*in_force.values(), parameters=parameters)
        after = side(*changed.values(), parameters=other)
        requests = [random_request(chance) for _ in range(150)]

        found = compared(before, after, *requests)

        changes = one_by_one(before, after, requests)
        assert found["changed"] == sum(any(change.values()) for change in changes) > 0
        for name, lever in found["levers"].items():
            assert lever["changed"] == sum(change[name] != 0 for change in changes)
            total = lever["quantiles"]["change"]["mean"] * lever["requests"]
            assert total == pytest.approx(sum(change[name] for change in changes), abs=1e-9)
        assert found["exposure"]["mean_ln"] * 150 == pytest.approx(
            sum(change["size_mult"] for change in changes), abs=1e-9
        )

    def test_answers_as_of_each_request_s_own_time(self) -> None:
        """The override is below the floor after 165 days, so withdrawing it then changes nothing."""
        late: LoggedRequest = (KEY, "entry", SCOPE, NOW + 166 * DAY, {})

        assert counts(compared(side(make_spec()), side(), HERE, late)) == {
            "asked": 2, "touched": 2, "changed": 1, "no_longer_moved": 1,
        }  # fmt: skip
