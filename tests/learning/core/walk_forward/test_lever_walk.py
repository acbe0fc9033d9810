from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from learning.core.cells.rows import DAY
from learning.core.tuning.alternative_fit import fit_alternative
from learning.core.tuning.trade_deltas import LeverDeltas, TradeDeltas
from learning.core.walk_forward.folds import folds_of
from learning.core.walk_forward.lever_gain import LeverGain, LeverVerdict
from learning.core.walk_forward.lever_walk import LeverWalk, fits_at, walk_lever
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from tests.learning.core.tuning.builders import LEVER, make_deltas

PARAMETERS = EvidenceParameters()
FOLDS = 3


def world(seed: int = 0, count: int = 1200, *, gain: float = 0.0, since: float = 0.0) -> TradeDeltas:
    """Return trades of three patterns, eight a day; in pattern 0 waiting two bars gains from day `since` on."""
    random = np.random.default_rng(seed)
    pattern, day = random.integers(0, 3, count), np.arange(count) / 8
    there = gain * ((pattern == 0) & (day >= since))
    changes = random.normal(0, 0.4, (count, 2))
    changes[:, 1] += there
    changes[random.random((count, 2)) < 0.1] = np.nan
    known = day + random.exponential(1.0, count)
    return make_deltas({"1": changes[:, 0], "2": changes[:, 1]}, day=day, known=known, pattern=pattern)


def naive(trades: TradeDeltas) -> tuple[list[float], list[float], int]:
    """Return gained and promised of every trade of the folds, and how many moved, by a loop over folds and trades."""
    deltas = trades.levers[LEVER]
    told = [row for row in range(len(trades)) if not np.isnan(deltas.changes[row]).all()]
    gained, promised, moved = [], [], 0
    for fold in folds_of(trades.at[told], FOLDS):
        fits = {}
        for column, name in enumerate(deltas.names):
            known = [
                row for row in told if deltas.known[row] < fold.start and not np.isnan(deltas.changes[row, column])
            ]
            found = fit_alternative(
                trades.take(np.array(known, dtype=np.int64)).observations(LEVER, name), fold.start / DAY, PARAMETERS
            )
            if found is not None:
                fits[column] = found
        for row in told if fits else ():
            if fold.start <= trades.at[row] < fold.end:
                best, largest = -1, 0.0
                for column, found in fits.items():
                    expected = found.expected(trades.pattern[[row]], trades.scope[[row]])
                    if expected.is_sure(PARAMETERS)[0] and expected.gain[0] > largest:
                        best, largest = column, float(expected.gain[0])
                change = 0.0 if best < 0 else float(deltas.changes[row, best])
                if not np.isnan(change):
                    gained.append(change)
                    promised.append(largest)
                    moved += best >= 0
    return gained, promised, moved


@pytest.fixture(scope="module")
def planted() -> tuple[TradeDeltas, LeverWalk]:
    trades = world(gain=0.5)
    return trades, walk_lever(trades, LEVER, FOLDS, PARAMETERS)


class TestWalk:
    def test_equals_the_loop(self, planted: tuple[TradeDeltas, LeverWalk]) -> None:
        trades, walked = planted
        gained, promised, moved = naive(trades)

        gain = walked.gain
        assert gain is not None
        assert (gain.trades, gain.moved) == (len(gained), moved)
        assert gain.gain == pytest.approx(1000 * float(np.mean(gained)))
        assert gain.promised == pytest.approx(1000 * float(np.mean(promised)))

    def test_supports_what_is_planted(self, planted: tuple[TradeDeltas, LeverWalk]) -> None:
        """A third of the trades gain .5 R: about 167 R per 1,000."""
        _, walked = planted

        assert walked.verdict is LeverVerdict.SUPPORTED
        assert walked.gain is not None
        assert walked.gain.low is not None
        assert 0 < walked.gain.low < 167 < (walked.gain.high or 0)

    def test_counts_the_moved_trades_of_independent_days(self, planted: tuple[TradeDeltas, LeverWalk]) -> None:
        """The interval of the moved trades, whose gain is the whole over their share, is scaled by that share."""
        _, walked = planted
        gain = walked.gain

        assert gain is not None
        assert gain.stretches is not None
        assert gain.low is not None
        assert gain.high is not None
        assert 30 <= gain.stretches <= gain.days
        assert (gain.low + gain.high) / 2 == pytest.approx(gain.gain)

    def test_tells_the_part_of_each_alternative(self, planted: tuple[TradeDeltas, LeverWalk]) -> None:
        _, walked = planted

        assert walked.gain is not None
        assert sum(part.gain for part in walked.parts.values()) == pytest.approx(walked.gain.gain)
        assert sum(part.chosen for part in walked.parts.values()) == walked.gain.moved
        assert walked.parts["2"].chosen > 0.9 * walked.gain.moved

    def test_does_nothing_in_noise(self) -> None:
        walked = walk_lever(world(seed=4), LEVER, FOLDS, PARAMETERS)

        assert walked.gain is not None
        assert (walked.gain.moved, walked.gain.gain, walked.verdict) == (0, 0.0, LeverVerdict.EVIDENCE_ONLY)
        assert walked.parts == {}

    def test_chooses_by_nothing_that_was_not_known(self, planted: tuple[TradeDeltas, LeverWalk]) -> None:
        """Whatever trades of the last fold will tell, what is chosen for them and promised stays the same."""
        trades, walked = planted
        last = folds_of(trades.at, FOLDS)[-1]
        deltas = trades.levers[LEVER]
        later = np.where((deltas.known >= last.start)[:, None], -deltas.changes, deltas.changes)
        turned = replace(trades, levers={LEVER: LeverDeltas(deltas.names, later, deltas.known)})

        found = walk_lever(turned, LEVER, FOLDS, PARAMETERS)

        assert found.gain is not None
        assert walked.gain is not None
        assert (found.gain.moved, found.gain.promised) == (walked.gain.moved, walked.gain.promised)
        assert found.gain.gain < walked.gain.gain

    def test_says_where_too_few_have_told(self) -> None:
        walked = walk_lever(world(count=220), LEVER, FOLDS, PARAMETERS)

        assert (walked.gain, walked.verdict) == (None, LeverVerdict.TOO_FEW)
        assert walk_lever(world(count=0), LEVER, FOLDS, PARAMETERS).verdict is LeverVerdict.TOO_FEW

    def test_reports_its_progress(self) -> None:
        told: list[float] = []
        walk_lever(world(count=300), LEVER, FOLDS, PARAMETERS, told.append)

        assert told == pytest.approx([1 / 3, 2 / 3, 1.0])


class TestVerdict:
    def of(self, **over: Any) -> LeverVerdict:
        fields: dict[str, Any] = {"trades": 900, "moved": 300, "days": 40, "gain": 9.0, "low": 1.0, "high": 17.0}
        return LeverWalk(LeverGain(**fields | {"promised": 12.0} | over), {}).verdict

    def test_needs_the_lower_end_above_nothing(self) -> None:
        assert self.of() is LeverVerdict.SUPPORTED
        assert self.of(low=0.0) is LeverVerdict.EVIDENCE_ONLY
        assert self.of(low=None, high=None) is LeverVerdict.EVIDENCE_ONLY


@pytest.mark.parametrize(
    ("gain", "promised", "share"), [(9.0, 12.0, 0.75), (15.0, 12.0, 1.0), (-3.0, 12.0, 0.0), (0.0, 0.0, 1.0)]
)
def test_what_was_promised_comes_true_in_part(gain: float, promised: float, share: float) -> None:
    assert LeverGain(900, 300, 40, gain, None, None, promised).came_true == share


def test_a_gain_comes_back_from_its_document() -> None:
    gain = LeverGain(900, 300, 40, 9.0, None, None, 12.0)

    assert LeverGain.from_document(gain.to_document()) == gain


def test_a_gain_that_was_stored_before_stretches_counted_is_read() -> None:
    stored = LeverGain(900, 300, 40, 9.0, 1.0, 17.0, 12.0).to_document()
    del stored["stretches"]

    assert LeverGain.from_document(stored).stretches is None


def test_the_arm_that_is_always_taken_is_not_judged() -> None:
    trades = world(count=600)
    changes = trades.levers[LEVER].changes.copy()
    changes[:, 0] = 0.0
    still = replace(trades, levers={LEVER: LeverDeltas(("1", "2"), changes, trades.levers[LEVER].known)})

    assert list(fits_at(still, LEVER, 500 * DAY, PARAMETERS)) == ["2"]
