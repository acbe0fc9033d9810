from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.definitions.vocabulary import Blend
from overrides.core.engine.ramp import ramped

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("ramp.json").read_text())
STARTS, TARGETS = st.floats(0.5, 2.0), st.floats(0.5, 2.0)


class TestRamped:
    @pytest.mark.parametrize("case", CASES, ids=str)
    def test_reproduces_the_golden_cases(self, case: dict[str, Any]) -> None:
        arguments = case["given"]

        found = ramped(
            Blend(arguments["blend"]),
            arguments["max_step"],
            arguments["start"],
            arguments["target"],
            arguments["hours"],
        )

        assert found == pytest.approx(case["expect"], rel=1e-9)

    @given(start=STARTS, target=TARGETS, hours=st.floats(0, 5000), blend=st.sampled_from(Blend))
    def test_stays_between_start_and_target(self, start: float, target: float, hours: float, blend: Blend) -> None:
        low, high = min(start, target), max(start, target)

        assert low - 1e-12 <= ramped(blend, 0.02, start, target, hours) <= high + 1e-12

    @given(start=STARTS, target=TARGETS, hours=st.floats(0, 5000))
    def test_moves_at_most_one_step_a_day(self, start: float, target: float, hours: float) -> None:
        today, tomorrow = (ramped(Blend.LOG, 0.02, start, target, at) for at in (hours, hours + 24))

        assert abs(math.log(tomorrow / today)) <= math.log(1.02) + 1e-12

    @given(start=STARTS, target=TARGETS)
    def test_arrives_exactly_and_stays(self, start: float, target: float) -> None:
        assert ramped(Blend.LOG, 0.02, start, target, 1e6) == target

    @given(start=STARTS, target=TARGETS, hours=st.floats(-5000, 0))
    def test_has_not_left_before_it_began(self, start: float, target: float, hours: float) -> None:
        assert ramped(Blend.LOG, 0.02, start, target, hours) == start

    def test_is_log_symmetric(self) -> None:
        assert ramped(Blend.LOG, 0.02, 1.0, 0.7, 24.0) == pytest.approx(1 / 1.02, rel=1e-12)
