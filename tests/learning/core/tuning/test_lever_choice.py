from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.core.tuning.alternative_fit import Expected
from learning.core.tuning.lever_choice import NOTHING, choose, target_of, value_of
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.vocabulary import Channel

GOLDEN = json.loads(Path(__file__).with_name("lever_targets.json").read_text())
PARAMETERS = EvidenceParameters()
TUNING = [lever for lever in LEVERS.values() if lever.channel is Channel.PM_TUNING]


def naive(gains: np.ndarray[Any, Any], sds: np.ndarray[Any, Any], row: int) -> tuple[int, float]:
    """Return the choice for a row by a literal reading of the rule."""
    best, largest = NOTHING, 0.0
    for alternative in range(len(gains)):
        gain, sd = float(gains[alternative, row]), float(sds[alternative, row])
        rate = 0.5 * math.erfc(abs(gain) / sd / math.sqrt(2))
        if gain > largest and rate <= 0.05:
            best, largest = alternative, gain
    return best, largest


class TestChoice:
    def test_is_the_largest_gain_of_a_sure_sign(self) -> None:
        """.3 R at two standard deviations beats .2 R at four; .5 R at one is not sure."""
        expected = [Expected(np.array([gain]), np.array([sd])) for gain, sd in ((0.2, 0.05), (0.5, 0.5), (0.3, 0.15))]

        found = choose(expected, 1, PARAMETERS)

        assert (found.at.tolist(), found.gain.tolist(), found.sd.tolist()) == ([2], [0.3], [0.15])

    def test_is_nothing_where_everything_loses_or_nothing_was_fitted(self) -> None:
        losing = Expected(np.array([-0.5, 0.0]), np.array([0.01, 0.01]))

        assert choose([losing], 2, PARAMETERS).at.tolist() == [NOTHING, NOTHING]
        assert choose([], 3, PARAMETERS).at.tolist() == [NOTHING] * 3

    @given(st.integers(0, 10**6))
    def test_equals_the_loop(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        gains, sds = random.normal(0.1, 0.2, (4, 20)), random.uniform(0.01, 0.2, (4, 20))

        found = choose([Expected(*each) for each in zip(gains, sds, strict=True)], 20, PARAMETERS)

        assert [(at, gain) for at, gain in zip(found.at.tolist(), found.gain.tolist(), strict=True)] == [
            naive(gains, sds, row) for row in range(20)
        ]


class TestTarget:
    @pytest.mark.parametrize("case", GOLDEN, ids=lambda case: f"{case['lever']} {case['alternative']} {case['gain']}")
    def test_equals_the_golden_cases(self, case: dict[str, Any]) -> None:
        lever = LEVERS[case["lever"]]
        value = value_of(lever, case["alternative"])

        assert value is not None
        found = target_of(lever, value, case["gain"], case["mean"], tuple(case["bounds"]))
        assert found == pytest.approx(case["target"], abs=1e-12)

    @given(
        st.sampled_from(TUNING),
        st.floats(0.01, 10),
        st.floats(-1, 1, allow_subnormal=False),
        st.floats(-1, 1, allow_subnormal=False),
    )
    def test_lies_between_neutral_and_the_alternative_within_bounds(
        self, lever: Any, to: float, g: float, m: float
    ) -> None:
        found = target_of(lever, to, g, m, (lever.low, lever.high))

        assert lever.low <= found <= lever.high
        near, far = sorted((lever.neutral, min(max(to, lever.low), lever.high)))
        assert near - 1e-9 <= found <= far + 1e-9
        if g <= 0 or m <= 0:
            assert found == lever.neutral

    @pytest.mark.parametrize("name", ["never", "as traded", "nan", "inf", "0.6", "0.60"])
    def test_needs_a_value_other_than_neutral(self, name: str) -> None:
        assert value_of(LEVERS["min_ts_for_add"], name) is None

    def test_of_a_multiplier_needs_one_above_zero(self) -> None:
        assert value_of(LEVERS["trail_mult"], "0") is None
        assert value_of(LEVERS["entry_delay_bars"], "-1") == -1.0  # bounds keep its target at neutral
        assert target_of(LEVERS["entry_delay_bars"], -1.0, 0.2, 0.2, (0.0, 5.0)) == 0.0
