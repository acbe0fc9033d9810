"""One lever measured by the windows of its gate, without a database."""

from __future__ import annotations

import numpy as np

from learning.core.tuning.evidence_source import Source
from learning.core.tuning.simulated_gate import SimulatedGate
from learning.readers.lever_sources import LeverSource
from learning.validation.measured_lever import measure_lever
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from tests.builders import NOW
from tests.learning.core.tuning.gate_worlds import TS, make_windows


def test_an_episode_counts_once_in_every_figure_of_an_alternative() -> None:
    """Three windows of one episode gain 1 R each, the window of another loses 1 R: a mean of 0, not of .5 R."""
    gate = SimulatedGate.of(make_windows([0.57] * 4, [1.0, 1.0, 1.0, -1.0], cluster=np.array([0, 0, 0, 1])), LEVERS[TS])
    source = LeverSource(Source.WINDOWS, gate.lever, gate.told, gate)

    found = measure_lever(source, NOW, 3, ModuleParameters.default("pm"), lambda _: None)

    assert (found.document["told"], found.document["verdict"]) == (4, "too few trades")
    row = next(each for each in found.rows if each.alternative == "0.55")
    assert (row.n, row.mean, row.gained, row.lost) == (2, 0.0, 1.0, 1.0)
    assert row.refusal == "it changes 2 episodes, and 20 are needed"
