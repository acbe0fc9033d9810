from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from learning.core.cells.rows import DAY
from learning.core.tuning.alternative_fit import AlternativeFit, fit_alternative
from learning.core.tuning.lever_lines import LeverLine, Limits, lines_of
from learning.core.tuning.trade_deltas import TradeDeltas
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.parameters import LessonParameters, WeightParameters
from tests.learning.core.tuning.builders import LEVER, make_deltas

DELAY = LEVERS[LEVER]
LIMITS = Limits(LessonParameters(), WeightParameters(max_scope_dims=3), EvidenceParameters())


def planted(seed: int = 1, count: int = 3000, gain: float = 1.0) -> TradeDeltas:
    """Return trades of three patterns; waiting two bars gains in pattern 0 with value 1, more than waiting one or
    three."""
    random = np.random.default_rng(seed)
    pattern, scope = random.integers(0, 3, count), random.integers(0, 3, (count, 3))
    there = ((pattern == 0) & (scope[:, 0] == 1))[:, None] * np.array([0.4, 1.0, 0.2]) * gain
    changes = random.normal(0, 0.3, (count, 3)) + there
    named = {"1": changes[:, 0], "2": changes[:, 1], "never": changes[:, 2] + 5.0 * (pattern == 2)}
    return make_deltas(named, pattern=pattern, scope=scope, values=(3, 3, 3))


def fits_of(trades: TradeDeltas) -> dict[str, AlternativeFit]:
    end = float(trades.levers[LEVER].known.max()) / DAY + 1
    found = {name: fit_alternative(trades.observations(LEVER, name), end, LIMITS.evidence) for name in ("1", "2")}
    return {name: each for name, each in found.items() if each is not None}


@pytest.fixture(scope="module")
def trades() -> TradeDeltas:
    return planted()


@pytest.fixture(scope="module")
def fits(trades: TradeDeltas) -> dict[str, AlternativeFit]:
    return fits_of(trades)


@pytest.fixture(scope="module")
def lines(trades: TradeDeltas, fits: dict[str, AlternativeFit]) -> tuple[LeverLine, ...]:
    return lines_of(trades, DELAY, fits, LIMITS)


def test_lines_name_the_scope_where_the_alternative_gains(lines: tuple[LeverLine, ...]) -> None:
    assert {line.pattern_key for line in lines} == {"p.long.s0"}
    assert lines[0].scope == {"macro_phase": "1"}
    assert {line.alternative for line in lines} == {"2"}
    assert len(lines) == LIMITS.lessons.max_lessons
    assert all(line.heavy for line in lines)


def test_a_line_says_what_its_own_trades_say(trades: TradeDeltas, lines: tuple[LeverLine, ...]) -> None:
    """Numbers of the cell by a loop over all trades."""
    line = lines[0]
    own = [
        float(change)
        for change, pattern, scope in zip(
            trades.levers[LEVER].of_alternative("2"), trades.pattern, trades.scope, strict=True
        )
        if pattern == 0 and scope[0] == 1
    ]

    assert line.n == len(own)
    assert line.mean == pytest.approx(float(np.mean(own)))
    assert line.variance == pytest.approx(float(np.var(own, ddof=1)))
    assert 0 < line.gain <= line.mean
    assert line.target == pytest.approx(2.0 * line.gain / line.mean)
    assert line.lfsr < 0.05


def test_its_weight_is_that_of_the_plans_combiner(lines: tuple[LeverLine, ...]) -> None:
    """tanh(gain) (1 - e^(-n/25)) / (1 + variance) (1/3)^1.5, fresh."""
    line = lines[0]
    by_hand = np.tanh(line.gain) * (1 - np.exp(-line.n / 25)) / (1 + line.variance) * (1 / 3) ** 1.5

    assert line.weight == pytest.approx(by_hand)


def test_a_brake_lowers_gain_target_and_weight_and_no_sign(
    trades: TradeDeltas, fits: dict[str, AlternativeFit], lines: tuple[LeverLine, ...]
) -> None:
    braked = lines_of(trades, DELAY, fits, LIMITS._replace(brake=0.5))

    (half,) = [line for line in braked if line.scope == lines[0].scope]
    assert (half.gain, half.sd) == pytest.approx((lines[0].gain / 2, lines[0].sd / 2))
    assert half.target == pytest.approx(lines[0].target / 2)
    assert (half.lfsr, half.weight < lines[0].weight) == (lines[0].lfsr, True)
    assert lines_of(trades, DELAY, fits, LIMITS._replace(brake=0.0)) == ()


def test_lines_come_back_from_their_documents(lines: tuple[LeverLine, ...]) -> None:
    assert [LeverLine.from_document(line.to_document()) for line in lines] == list(lines)


def test_without_a_heavy_line_the_heaviest_is_kept(trades: TradeDeltas, fits: dict[str, AlternativeFit]) -> None:
    demanding = LIMITS._replace(weights=replace(LIMITS.weights, min_total_weight=0.9))

    (line,) = lines_of(trades, DELAY, fits, demanding)

    assert not line.heavy
    assert line.scope["macro_phase"] == "1"


@pytest.mark.parametrize(
    ("over", "most"), [({"max_subset_size": 1}, 1), ({"max_subset_size": 2}, 2), ({"max_subset_size": None}, 3)]
)
def test_scopes_are_as_narrow_as_lessons_may_be(
    trades: TradeDeltas, fits: dict[str, AlternativeFit], over: dict[str, Any], most: int
) -> None:
    allowed = LIMITS._replace(lessons=replace(LIMITS.lessons, max_lessons=100, **over))

    assert max(len(line.scope) for line in lines_of(trades, DELAY, fits, allowed)) == most


def test_a_lever_without_values_to_go_to_has_no_lines(trades: TradeDeltas, fits: dict[str, AlternativeFit]) -> None:
    """`never` gains most of all, and no value expresses it; a gain at neutral asks for nothing."""
    assert lines_of(trades, DELAY, {"never": fits["2"]}, LIMITS) == ()
    assert lines_of(trades, DELAY, {}, LIMITS) == ()
    at_neutral = LIMITS._replace(weights=replace(LIMITS.weights, bounds={LEVER: (0.0, 0.0)}))
    assert lines_of(trades, DELAY, fits, at_neutral) == ()


def test_noise_has_no_lines() -> None:
    quiet = planted(seed=7, gain=0.0)

    assert lines_of(quiet, DELAY, fits_of(quiet), LIMITS) == ()
