from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.compile_overrides import compile_overrides
from overrides.core.engine.compiled import Compiled
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.serving_mode import Mode, ServingMode, in_rollout, rollout_position
from overrides.core.engine.definitions.vocabulary import Combiner, Flag, Reason
from overrides.core.engine.position_scaling import Scaling
from overrides.core.engine.serve import Answer, answer, neutral_levers, rounded_for_output
from tests.overrides.core.builders import make_request, make_spec

ENGINE = compile_overrides([make_spec()], WeightParameters(max_scope_dims=1), Combiner.PLAN)
NEUTRAL = neutral_levers("pm", "entry")
ON = ServingMode(Mode.ON)
ALLOCATION = "dm_pattern.allocation.allocation"


class Broken(Compiled):
    """An engine whose sections cannot be read."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("no engine")


def neutral_for(found: Answer, reason: Reason) -> bool:
    return (found.levers, found.reason) == (NEUTRAL, reason)


class TestAnswer:
    def test_serves_every_lever_of_the_category(self) -> None:
        found = answer(ENGINE, ON, make_request())

        assert found.levers == NEUTRAL | {"size_mult": 1.02}
        assert (found.reason, found.flags) == (Reason.SINGLE, (Flag.STEP_LIMITED,))

    def test_rounds_what_it_serves_and_nothing_else(self) -> None:
        engine = compile_overrides(
            [make_spec(levers={"size_mult": 1.0123456789876})], WeightParameters(max_scope_dims=1), Combiner.EVIDENCE
        )
        found = answer(engine, ON, make_request())

        assert found.combination is not None
        assert found.levers["size_mult"] == 1.012345679
        assert found.combination.levers["size_mult"].value == pytest.approx(1.0123456789876, rel=1e-15)

    def test_is_neutral_where_nothing_matches(self) -> None:
        assert neutral_for(answer(ENGINE, ON, make_request({})), Reason.NO_MATCH)

    def test_is_neutral_and_not_computed_when_off(self) -> None:
        found = answer(ENGINE, ServingMode(), make_request())

        assert neutral_for(found, Reason.MODULE_OFF)
        assert found.combination is None

    def test_is_neutral_but_computed_in_shadow(self) -> None:
        found = answer(ENGINE, ServingMode(Mode.SHADOW, rollout_percent=0.0), make_request())

        assert neutral_for(found, Reason.SHADOW)
        assert found.combination is not None
        assert found.combination.levers["size_mult"].target == pytest.approx(1.1)

    @pytest.mark.parametrize("mode", [ServingMode(), ServingMode(Mode.SHADOW), ON])
    @pytest.mark.parametrize("motif", ["panic_exit", "emergency_exit", "stop"])
    def test_never_moves_a_protected_motif(self, mode: ServingMode, motif: str) -> None:
        key = f"uptrend.S1.{motif}"
        engine = compile_overrides([make_spec(pattern_key=key)], WeightParameters(max_scope_dims=1), Combiner.PLAN)

        assert neutral_for(answer(engine, mode, make_request(pattern_key=key)), Reason.PROTECTED)

    def test_protects_the_configured_motifs(self) -> None:
        found = answer(ENGINE, ON, make_request(), protected_motifs=("buy_flag",))

        assert found.reason is Reason.PROTECTED

    @pytest.mark.parametrize(
        ("scope", "reason"),
        [
            ({"macro_phase": "Good", "bucket": "nano"}, Reason.SINGLE),
            ({"macro_phase": "Good", "bucket": "mid"}, Reason.SCOPE_NOT_ALLOWED),
            ({"macro_phase": "Good"}, Reason.SCOPE_NOT_ALLOWED),
        ],
    )
    def test_serves_allowed_scopes_only(self, scope: dict[str, str], reason: Reason) -> None:
        mode = ServingMode(Mode.ON, allow={"bucket": ("nano", "xl")})

        assert answer(ENGINE, mode, make_request(scope)).reason is reason

    def test_serves_the_rolled_out_share_only(self) -> None:
        keys = [f"bot-{index}" for index in range(200)]
        mode = ServingMode(Mode.ON, rollout_percent=25.0)

        reasons = {key: answer(ENGINE, mode, make_request(), rollout_key=key).reason for key in keys}

        assert {key for key in keys if rollout_position(key) < 25.0} == {
            key for key, reason in reasons.items() if reason is Reason.SINGLE
        }
        assert set(reasons.values()) == {Reason.SINGLE, Reason.NOT_IN_ROLLOUT}

    @pytest.mark.parametrize(
        ("draw", "reason"), [(4.999999, Reason.HOLDBACK), (5.0, Reason.SINGLE), (None, Reason.SINGLE)]
    )
    def test_computes_and_does_not_serve_a_position_that_is_held_back(self, draw: float | None, reason: Reason) -> None:
        mode = ServingMode(Mode.ON, holdback_percent=5.0)

        found = answer(ENGINE, mode, make_request(), draw=draw)

        assert found.reason is reason
        assert found.levers["size_mult"] == (1.0 if reason is Reason.HOLDBACK else 1.02)
        assert found.combination is not None
        assert found.combination.levers["size_mult"].value == pytest.approx(1.02)

    def test_holds_coefficients_back_with_the_levers(self) -> None:
        spec = make_spec(levers={"alloc_mult": 1.1}, module="dm", pattern_key=ALLOCATION, action_category="allocation")
        engine = compile_overrides([spec], WeightParameters(max_scope_dims=1), Combiner.PLAN)
        scaling = Scaling({"timeframe": {"1h": 1.3}})
        request = make_request(
            {"macro_phase": "Good", "timeframe": "1h"}, module="dm", pattern_key=ALLOCATION,
            action_category="allocation",
        )  # fmt: skip
        mode = ServingMode(Mode.ON, holdback_percent=5.0)

        served, held = (answer(engine, mode, request, draw=draw, scaling=scaling) for draw in (50.0, 1.0))

        assert (served.coefficient_product, held.coefficient_product) == (1.3, 1.0)
        assert (held.reason, held.levers) == (Reason.HOLDBACK, {"alloc_mult": 1.0})
        assert held.multipliers is not None
        assert held.multipliers.product == 1.3

    @pytest.mark.parametrize(
        ("mode", "reason"),
        [
            (ServingMode(holdback_percent=20.0), Reason.MODULE_OFF),
            (ServingMode(Mode.SHADOW, holdback_percent=20.0), Reason.SHADOW),
            (ServingMode(Mode.ON, 0.0, holdback_percent=20.0), Reason.NOT_IN_ROLLOUT),
            (ServingMode(Mode.ON, allow={"bucket": ("xl",)}, holdback_percent=20.0), Reason.SCOPE_NOT_ALLOWED),
        ],
    )
    def test_holds_back_only_what_would_be_served(self, mode: ServingMode, reason: Reason) -> None:
        assert neutral_for(answer(ENGINE, mode, make_request(), draw=0.0), reason)

    def test_is_neutral_when_anything_fails(self) -> None:
        found = answer(Broken(()), ON, make_request())

        assert neutral_for(found, Reason.ERROR)
        assert found.error == "RuntimeError: no engine"

    def test_is_neutral_for_a_mode_that_is_none(self) -> None:
        assert neutral_for(answer(ENGINE, None, make_request()), Reason.ERROR)  # type: ignore[arg-type]  # on purpose

    def test_has_no_levers_for_a_pair_it_does_not_know(self) -> None:
        assert answer(ENGINE, ON, make_request(module="risk")).levers == {}


class TestServingMode:
    def test_reads_what_a_module_stores(self) -> None:
        document = {"mode": "on", "rollout_percent": 12.5, "allow": {"bucket": ["nano"]}, "challenger": 7}

        assert ServingMode.parse(document) == ServingMode(Mode.ON, 12.5, {"bucket": ("nano",)})
        later = document | {"rollout_salt": "5f2c", "holdback_percent": 5}
        assert ServingMode.parse(later) == ServingMode(Mode.ON, 12.5, {"bucket": ("nano",)}, "5f2c", 5.0)

    @pytest.mark.parametrize(
        ("document", "named"),
        [
            (None, "mode"),
            ("on", "mode"),
            ({}, "mode: missing"),
            ({"mode": "ON"}, "mode"),
            ({"mode": True}, "mode"),
            ({"mode": "on", "rollout_percent": 101}, "rollout_percent"),
            ({"mode": "on", "holdback_percent": 20.5}, "holdback_percent"),
            ({"mode": "on", "rollout_salt": ""}, "rollout_salt"),
            ({"mode": "on", "rollout_percent": -1}, "rollout_percent"),
            ({"mode": "on", "rollout_percent": float("nan")}, "rollout_percent"),
            ({"mode": "on", "rollout_percent": "50"}, "rollout_percent"),
            ({"mode": "on", "rollout_percent": True}, "rollout_percent"),
            ({"mode": "on", "allow": {"bucket": "nano"}}, "allow.bucket"),
            ({"mode": "on", "allow": {"bucket": []}}, "allow.bucket"),
            ({"mode": "on", "allow": {"bucket": [1]}}, "allow.bucket"),
            ({"mode": "on", "allow": ["nano"]}, "allow"),
            ({"mode": "on", "rollout": 5}, "rollout"),
        ],
    )
    def test_counts_malformed_as_off_and_says_why_when_checked(self, document: Any, named: str) -> None:
        assert ServingMode.parse(document) == ServingMode(Mode.OFF)
        with pytest.raises(ValueError, match=named):
            ServingMode.checked(document)


class TestRollout:
    @given(key=st.text())
    def test_position_is_a_percentage(self, key: str) -> None:
        assert 0.0 <= rollout_position(key) < 100.0

    def test_position_never_changes(self) -> None:
        found = [round(rollout_position(key), 6) for key in ("", "bot-1", "bot-2")]

        assert found == [88.941599, 83.886825, 97.716984]

    def test_differs_from_one_salt_to_another(self) -> None:
        keys = [f"bot-{number}" for number in range(2000)]
        first, second = ({key for key in keys if rollout_position(key, salt) < 20} for salt in ("a1", "b2"))

        assert 300 < len(first) < 500
        assert 40 < len(first & second) < 120  # a fifth of a fifth, where one salt would have all in common

    @given(key=st.text(), percent=st.floats(0, 99.9), more=st.floats(0, 100))
    def test_growing_the_share_drops_nobody(self, key: str, percent: float, more: float) -> None:
        if in_rollout(ServingMode(Mode.ON, percent), key):
            assert in_rollout(ServingMode(Mode.ON, min(100.0, percent + more)), key)

    @pytest.mark.parametrize(("percent", "inside"), [(0.0, False), (99.9, False), (100.0, True)])
    def test_leaves_a_caller_without_a_key_outside_any_part(self, percent: float, inside: bool) -> None:
        assert in_rollout(ServingMode(Mode.ON, percent), None) is inside

    def test_spreads_keys_evenly(self) -> None:
        inside = sum(rollout_position(f"bot-{index}") < 30 for index in range(10_000))

        assert 2800 < inside < 3200


class TestServed:
    @given(value=st.floats(-100, 100))
    def test_keeps_nine_decimals(self, value: float) -> None:
        assert abs(rounded_for_output(value) - value) <= 5.001e-10

    def test_has_no_negative_zero(self) -> None:
        assert str(rounded_for_output(-1e-12)) == "0.0"
