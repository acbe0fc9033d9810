"""What the database's functions copy from tables in Python is what those tables say."""

from __future__ import annotations

import json
import re
from itertools import combinations, product
from typing import Any

import pytest
from django.db import connection

from overrides.core.engine.definitions import arms
from overrides.core.engine.definitions.coefficients import (
    HIGHEST,
    LEVER_DIMENSIONS,
    LONGEST_VALUE,
    LOWEST,
    steps_between,
)
from overrides.core.engine.definitions.levers import LEVERS, Lever
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.serving_mode import Mode
from overrides.core.engine.definitions.vocabulary import MODULE_CATEGORIES, Blend
from overrides.core.engine.ramp import ramped
from overrides.core.governance.exposure import lowers_exposure, steps_moved
from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.core.governance.mandates import NOTICEABLE
from overrides.core.governance.request_states import DECIDABLE, OPEN, State, moves
from overrides.models import ChangeRequest, HoldKind, RequestKind
from overrides.versions.publish import store_override
from tests.builders import NOW, make_spec


def evaluate(expression: str, *values: str | float | None) -> object:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {expression}", values)
        return cursor.fetchone()[0]


def found(pattern: str, function: str) -> list[tuple[str, ...]]:
    """The groups of a pattern, wherever it fits the database's text of a function."""
    source = str(evaluate("prosrc FROM pg_proc WHERE proname = %s", function))
    return [fit.groups() for fit in re.finditer(pattern, source, flags=re.DOTALL)]


def listed(pattern: str, function: str) -> set[str]:
    """The words of the one list of strings that a pattern's group finds in a function."""
    ((words,),) = found(pattern, function)
    return set(re.findall(r"'([^']*)'", words))


@pytest.mark.django_db
class TestRequests:
    def test_take_the_steps_between_states(self) -> None:
        steps = {f"{start} {end}" for start, end in moves()}

        assert listed(r"moves constant text\[\] := ARRAY\[(.*?)\]", "guard_request") == steps

    def test_are_closed_in_all_states_but_the_open_ones(self) -> None:
        assert listed(r"OLD\.state IN \((.*?)\)", "guard_request") == set(State) - set(OPEN)
        assert listed(r"asked\.state NOT IN \((.*?)\)", "guard_change_line") == set(OPEN)

    def test_are_voted_on_while_they_can_be_decided(self) -> None:
        assert listed(r"asked\.state NOT IN \((.*?)\)", "guard_vote") == set(DECIDABLE)

    def test_of_every_kind_may_govern_something(self) -> None:
        deciders = [
            "version_is_decided", "trial_is_decided", "restored_is_what_was", "mode_is_decided", "policy_is_decided",
        ]  # fmt: skip
        named = [listed(r"PERFORM refuse_undecided\([^;]*ARRAY\[(.*?)\]", function) for function in deciders]

        assert set.union(*named) == set(RequestKind.values)

    def test_are_judged_by_the_default_policy_where_there_is_no_other(self) -> None:
        default = json.loads(str(evaluate("policy_for(NULL)::text")))

        assert default.keys() == {"approvals", "groups", "large_movement"}
        assert default == {name: GovernancePolicy().to_document()[name] for name in default}


@pytest.mark.django_db
class TestLevers:
    @pytest.mark.parametrize("name", LEVERS)
    def test_are_neutral_at_the_value_of_the_table(self, name: str) -> None:
        assert evaluate("lever_neutral(%s)::float8", name) == LEVERS[name].neutral

    @pytest.mark.parametrize("name", LEVERS)
    def test_raise_and_lower_exposure_as_the_table_says(self, name: str) -> None:
        lever = LEVERS[name]
        for category in {category for each in MODULE_CATEGORIES.values() for category in each}:
            expected = lever.exposure(category) if lever.blend is Blend.LOG else 0
            assert evaluate("lever_exposure(%s, %s)", name, category) == expected

    def test_that_scale_the_outcome_are_never_explored(self) -> None:
        scaling = {name for name, lever in LEVERS.items() if lever.scales_on}

        assert listed(r"lever\.name IN \((.*?)\)", "guard_mode") == scaling

    def test_are_explored_within_the_ranges_of_the_core(self) -> None:
        pattern = r"\'(\w+)\'\)::numeric BETWEEN ([\d.]+ AND [\d.]+)"

        assert found(pattern, "guard_mode") == [
            ("probability", f"{arms.LEAST} AND {arms.MOST}"),
            ("share_percent", f"{arms.SMALLEST_SHARE} AND 100"),
            ("rr_per_week", f"{arms.SMALLEST_LOSS} AND {arms.LARGEST_BUDGET:g}"),
        ]

    def test_that_nobody_knows_raise_exposure_from_one(self) -> None:
        """No override holds one; if one did, more of it would be more exposure."""
        assert evaluate("lever_exposure('moon_mult', 'entry')") == 1
        assert evaluate("lever_neutral('moon_mult')::float8") == 1.0

    @pytest.mark.parametrize("name", LEVERS)
    def test_are_as_far_from_neutral_as_the_table_says(self, name: str) -> None:
        lever = LEVERS[name]
        for value in (lever.neutral, lever.high, (lever.neutral + lever.high) / 2):
            assert evaluate("lever_unit(%s, %s)", name, value) == pytest.approx(lever.unit(value), abs=1e-12)

    @pytest.mark.parametrize(
        ("channel", "levers"),
        [
            ("pm_strength", {"size_mult": 1.1, "entry_aggression_mult": 0.9}),
            ("pm_tuning", {"phase1_frac_mult": 1.1, "entry_delay_bars": 2.0}),
        ],
    )
    @pytest.mark.parametrize("tightened", [{}, {"size_mult": 0.01, "entry_delay_bars": 0.1}])
    def test_move_by_the_steps_that_the_core_counts(
        self, channel: str, levers: dict[str, float], tightened: dict[str, float]
    ) -> None:
        wanted = [dict(chosen) for count in (1, 2) for chosen in combinations(levers.items(), count)]
        ids = [store_override(make_spec(each, type=channel), source="x", at=NOW).id for each in wanted]
        document = json.dumps({"channels": {channel: {"weights": {"max_steps": tightened}}}})
        weights = WeightParameters(max_steps=tightened)

        for (before, earlier), (after, later) in product(zip([None, *ids], [{}, *wanted], strict=True), repeat=2):
            answer = evaluate("steps_of_line(%s, %s, %s, %s)", document, channel, before, after)
            assert answer == pytest.approx(steps_moved(earlier, later, weights), abs=1e-9)

    @pytest.mark.parametrize("name", LEVERS)
    @pytest.mark.parametrize("hours", [-5.0, 0.0, 12.0, 30.0, 1e6])
    def test_stand_on_their_ramp_where_the_core_computes(self, name: str, hours: float) -> None:
        lever = LEVERS[name]
        starts, targets = (lever.neutral, lever.high * 0.95), (lever.neutral, lever.high)
        for start, target, step in product(starts, targets, (lever.max_step, lever.max_step / 2)):
            answer = evaluate("ramped_value(%s, %s, %s, %s, %s)", name, step, start, target, hours)
            assert answer == pytest.approx(ramped(lever.blend, step, start, target, hours), abs=1e-12)

    def test_are_the_rows_of_the_table(self) -> None:
        rows = json.loads(str(evaluate("json_agg(l)::text FROM lever_table() AS l")))

        assert {row["name"]: row for row in rows} == {name: _row_of(lever) for name, lever in LEVERS.items()}

    @pytest.mark.parametrize(
        ("channel", "category", "choices"),
        [
            ("pm_strength", "entry", {"size_mult": (0.9, 1.0, 1.1), "entry_aggression_mult": (0.9, 1.0, 1.1)}),
            ("pm_strength", "trim", {"size_mult": (0.9, 1.0, 1.1), "exit_aggression_mult": (0.9, 1.0, 1.1)}),
            ("pm_tuning", "entry", {"phase1_frac_mult": (0.9, 1.0, 1.1), "entry_delay_bars": (0.0, 1.0)}),
        ],
    )
    def test_lower_exposure_together_as_the_core_computes(
        self, channel: str, category: str, choices: dict[str, tuple[float, ...]]
    ) -> None:
        asked = [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]
        specs = [make_spec(levers, type=channel, action_category=category) for levers in asked if any_moves(levers)]
        for another in ("entry", "trim"):
            store_override(make_spec(action_category=another, scope={"trend": "Bad"}), source="x", at=NOW)
        asked = [dict(spec.levers) for spec in specs]
        stored = [None, *(store_override(spec, source="x", at=NOW).id for spec in specs)]

        for (before, levers), (after, wanted) in product(zip(stored, [{}, *asked], strict=True), repeat=2):
            answer = evaluate("lowers_exposure(%s, %s, %s)", specs[0].line, before, after)
            assert answer == lowers_exposure(category, levers, wanted), (levers, wanted)


@pytest.mark.django_db
class TestWeights:
    @pytest.mark.parametrize("before", [{}, {"chain=base": 1.5}, {"chain=base": 0.5, "cap=small": 2}])
    @pytest.mark.parametrize("after", [{}, {"chain=base": 1.4}, {"cap=small": 1.1, "age=old": 0.9}])
    def test_move_by_the_steps_that_the_core_counts(self, before: dict[str, float], after: dict[str, float]) -> None:
        answer = evaluate("steps_of_weights(%s, %s)", json.dumps(before), json.dumps(after))

        assert answer == pytest.approx(steps_between(before, after), abs=1e-9)


@pytest.mark.django_db
class TestCoefficients:
    def test_are_of_the_levers_that_have_a_dimension(self) -> None:
        ((levers, longest),) = found(r"key ~ '\^\(([\w|]+)\)=\.\{1,(\d+)\}\$'", "version_weighs_as_decided")

        assert set(levers.split("|")) == LEVER_DIMENSIONS.keys()
        assert int(longest) == LONGEST_VALUE

    def test_weigh_within_the_bounds_of_a_weight(self) -> None:
        ((low, high),) = found(r"value BETWEEN '([\d.]+)' AND '([\d.]+)'", "version_weighs_as_decided")

        assert (float(low), float(high)) == (LOWEST, HIGHEST)


@pytest.mark.django_db
class TestOthers:
    def test_modes_are_in_the_order_away_from_neutral(self) -> None:
        orders = found(r"ARRAY\[('off'.*?)\]", "mode_is_decided")

        assert len(orders) == 2
        assert {tuple(re.findall(r"\w+", order)) for (order,) in orders} == {tuple(Mode)}

    def test_holds_of_every_kind_are_heeded(self) -> None:
        assert {kind for (kind,) in found(r"h\.kind = '(\w+)'", "version_is_decided")} == set(HoldKind.values)

    def test_mandates_are_exceeded_by_what_is_noticeable(self) -> None:
        assert {float(each) for (each,) in found(r"float8 [-+] ([\de-]+)", "is_covered")} == {NOTICEABLE}

    def test_routes_named_anywhere_exist(self) -> None:
        sources = str(evaluate("string_agg(prosrc, ' ') FROM pg_proc WHERE pronamespace = 'public'::regnamespace"))

        assert set(re.findall(r"\broute (?:=|<>) '(\w+)'", sources)) == set(ChangeRequest.Route.values)


def any_moves(levers: dict[str, float]) -> bool:
    return any(value != LEVERS[name].neutral for name, value in levers.items())


def _row_of(lever: Lever) -> dict[str, Any]:
    """Return a lever as the database's table holds it: exposure only where it multiplies, and one reversed category."""
    (reversed_on,) = lever.reversed_on or (None,)
    return {
        "name": lever.name, "blend": lever.blend, "neutral": lever.neutral, "low": lever.low, "high": lever.high,
        "step": lever.max_step, "exposure": lever.raises_exposure if lever.blend is Blend.LOG else 0,
        "reversed_on": reversed_on,
    }  # fmt: skip
