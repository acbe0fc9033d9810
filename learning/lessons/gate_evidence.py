"""What past windows say of the threshold levers: how each other threshold would have fared, and which are candidates.

A candidate is only admitted to be judged (docs/method.md 14.3); nothing is proposed from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from learning.core.tuning.gate_simulation import (
    GateChange,
    GateDeltas,
    alternatives_of,
    gate_changes,
    simulate_gate,
)
from learning.core.tuning.gate_windows import NEVER, GateWindows
from learning.readers.gate_windows import load_gate_windows
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.vocabulary import CHANNEL_MODULE
from overrides.versions.load_version import current_parameters
from telemetry.core.gates import is_gate


@dataclass(frozen=True, eq=False)
class GateEvidence:
    """The evidence on one lever.

    windows, deltas   the columns behind it, in the form in which the changes of trades are read
    considered        windows that consider the lever, whether their results are known or not
    entered           those of them that were entered
    changes           one for each alternative, by its value
    """

    lever: str
    windows: GateWindows
    deltas: GateDeltas
    considered: int
    entered: int
    changes: tuple[GateChange, ...]

    @property
    def candidates(self) -> tuple[GateChange, ...]:
        """The alternatives that may be judged."""
        return tuple(each for each in self.changes if each.is_candidate)


def gate_evidence(module: str, now: datetime) -> list[GateEvidence]:
    """Return the evidence on every threshold lever of the module that a window considers, known by `now`."""
    learned = current_parameters(module).learned_from
    loaded: dict[tuple[str, ...], GateWindows] = {}
    found = []
    for lever in (each for each in LEVERS.values() if is_gate(each.name) and CHANNEL_MODULE[each.channel] == module):
        if lever.categories not in loaded:
            loaded[lever.categories] = load_gate_windows(learned, now, lever.categories)
        windows = loaded[lever.categories]
        told = windows.considers(lever.name)
        if not told.any():
            continue
        deltas = simulate_gate(windows, lever.name, alternatives_of(lever))
        changes = tuple(gate_changes(windows, deltas, lever.name))
        entered = int((deltas.before[told] != NEVER).sum())
        found.append(GateEvidence(lever.name, windows, deltas, int(told.sum()), entered, changes))
    return found
