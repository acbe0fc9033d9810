"""Candidates of gates in a walk-forward: in each fold they are those of then, by what was known then."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from learning.core.cells.rows import DAY, Floats
from learning.core.tuning.gate_windows import GateWindows
from learning.core.tuning.simulated_gate import SimulatedGate
from learning.core.walk_forward.folds import folds_of
from learning.core.walk_forward.lever_gain import LeverVerdict
from learning.core.walk_forward.lever_walk import LeverWalk, fits_at, walk_lever
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.levers import LEVERS
from tests.learning.core.tuning.gate_worlds import TS, make_windows

FOLDS, COUNT = 3, 1600
PARAMETERS = EvidenceParameters()


def world(seed: int = 1, *, since: float = 0.0, gain: float = 0.8) -> GateWindows:
    """Windows that a gate at .60 keeps out: from .55 on they gain, from a share of the time on, all others lose."""
    random = np.random.default_rng(seed)
    ts, share = random.uniform(0.45, 0.6, COUNT), np.arange(COUNT) / COUNT
    mean = np.where((ts >= 0.55) & (share >= since), gain, -0.5)
    return make_windows(ts, random.normal(mean, 0.5))


def walked(windows: GateWindows) -> LeverWalk:
    gate = SimulatedGate.of(windows, LEVERS[TS])
    return walk_lever(gate.told, TS, FOLDS, PARAMETERS, admitted=gate.candidates_before)


@pytest.fixture(scope="module")
def planted() -> LeverWalk:
    return walked(world())


def test_finds_the_threshold_that_keeps_good_entries_out(planted: LeverWalk) -> None:
    """A third of the windows gains .8 R under .55: about 267 R per 1,000."""
    gain = planted.gain

    assert planted.verdict is LeverVerdict.SUPPORTED
    assert gain is not None
    assert gain.gain == pytest.approx(267, rel=0.15)
    assert planted.parts["0.55"].chosen == gain.moved


def test_counts_a_fold_without_a_candidate_as_doing_nothing() -> None:
    found = walked(world(gain=-0.5))

    assert found.gain is not None
    assert (found.gain.moved, found.gain.gain, found.verdict) == (0, 0.0, LeverVerdict.EVIDENCE_ONLY)
    assert found.gain.trades > 1000


def test_chooses_no_threshold_that_became_a_candidate_later() -> None:
    """Over all windows .55 is a candidate. Before the last fold its windows had lost: there it was none."""
    windows = world(since=0.75, gain=4.0)
    gate = SimulatedGate.of(windows, LEVERS[TS])
    last = folds_of(windows.at, FOLDS)[-1].start

    assert "0.55" in gate.candidates_before(int(windows.known.max()) + 1)
    assert gate.candidates_before(last) == frozenset()
    assert fits_at(gate.told, TS, last, PARAMETERS, gate.candidates_before) == {}
    assert walked(windows).parts == {}


def test_uses_no_window_that_was_not_known_before_the_fold(planted: LeverWalk) -> None:
    """Whatever windows of the last fold earn, what is chosen in it and promised stays the same."""
    windows = world()
    last = folds_of(windows.at, FOLDS)[-1].start
    later: Floats = np.where((windows.known >= last)[:, None], -windows.rr, windows.rr)

    found = walked(replace(windows, rr=later))

    assert found.gain is not None
    assert planted.gain is not None
    assert (found.gain.moved, found.gain.promised) == (planted.gain.moved, planted.gain.promised)
    assert found.gain.gain < planted.gain.gain


def test_takes_an_episode_that_had_not_ended_as_unknown() -> None:
    """Its result is known with its end, although the window itself was decided long before."""
    windows = world()
    moment = int(windows.at[800])
    ends = np.where(np.arange(COUNT) < 800, windows.at + 600 * DAY, windows.closed_at)
    gate = SimulatedGate.of(replace(windows, closed_at=ends, known=np.maximum(ends, windows.known)), LEVERS[TS])

    assert {change.windows for change in gate.changes_before(moment)} == {0}
    assert gate.candidates_before(moment) == frozenset()
