"""What past windows say of the threshold levers: how each other threshold would have fared, and which are candidates.

A candidate is only admitted to be judged (docs/method.md 14.4); nothing is proposed from here.
"""

from __future__ import annotations

from datetime import datetime

from learning.core.tuning.simulated_gate import SimulatedGate
from learning.readers.lever_sources import load_simulated_gates
from learning.readers.trade_deltas import MODULE
from overrides.versions.load_version import current_parameters


def gate_evidence(module: str, now: datetime) -> list[SimulatedGate]:
    """Return the gate of every threshold lever of the module that a window considers, known by `now`."""
    if module != MODULE:
        return []
    return list(load_simulated_gates(current_parameters(module).learned_from, now))
