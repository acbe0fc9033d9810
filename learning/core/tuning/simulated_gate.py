"""One lever's gate over past windows, in the columns in which the changes of trades are read, and its candidates.

Which thresholds are candidates is asked for a moment, by the windows known before it. Chosen by all windows and then
walked forward over the same windows, a candidate would owe its gain to having been seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from learning.core.tuning.gate_simulation import GateChange, GateDeltas, alternatives_of, gate_changes, simulate_gate
from learning.core.tuning.gate_windows import NEVER, GateWindows
from learning.core.tuning.trade_deltas import UNKNOWN, LeverDeltas, TradeDeltas
from overrides.core.engine.definitions.levers import Lever


@dataclass(frozen=True, eq=False)
class SimulatedGate:
    """The windows that a lever's gate was asked in, and what its alternatives would have changed in them."""

    lever: Lever
    windows: GateWindows
    deltas: GateDeltas

    @classmethod
    def of(cls, windows: GateWindows, lever: Lever) -> Self:
        """Replay windows under every alternative of the lever."""
        return cls(lever, windows, simulate_gate(windows, lever.name, alternatives_of(lever)))

    @property
    def considered(self) -> int:
        """Windows that consider the lever, whether their results are known or not."""
        return int(self.windows.considers(self.lever.name).sum())

    @property
    def entered(self) -> int:
        """Those of them that were entered."""
        return int((self.deltas.before[self.windows.considers(self.lever.name)] != NEVER).sum())

    @cached_property
    def changes(self) -> tuple[GateChange, ...]:
        """What each alternative would have done, by its value, as far as it is known."""
        return self.changes_before(UNKNOWN)

    def changes_before(self, moment: int) -> tuple[GateChange, ...]:
        """Return the same by what was known before a moment in microseconds."""
        return tuple(gate_changes(self.windows, self.deltas, self.lever.name, moment))

    def candidates_before(self, moment: int) -> frozenset[str]:
        """Return the alternatives that may be judged by what was known before a moment in microseconds."""
        return frozenset(each.alternative for each in self.changes_before(moment) if each.is_candidate)

    @cached_property
    def told(self) -> TradeDeltas:
        """The windows with the changes of this lever, each in place of a trade.

        A window without a known result tells nothing, not even that nothing would have changed: those that would have
        changed are left out for the same reason.
        """
        windows, deltas = self.windows, self.deltas
        changes = np.where((deltas.known == UNKNOWN)[:, None], np.nan, deltas.changes)
        return TradeDeltas(
            at=windows.at,
            closed_at=windows.closed_at,
            pattern=windows.pattern,
            scope=windows.scope,
            trade=windows.trade,
            cluster=windows.cluster,
            patterns=windows.patterns,
            dimensions=windows.dimensions,
            values=windows.values,
            levers={self.lever.name: LeverDeltas(deltas.names, changes, deltas.known)},
        )

    @cached_property
    def categories(self) -> Mapping[str, tuple[str, ...]]:
        """The action categories of the windows of each pattern that consider the lever; of others nothing is told."""
        windows, told = self.windows, self.windows.considers(self.lever.name)
        found = sorted(set(zip(windows.pattern[told].tolist(), windows.category[told].tolist(), strict=True)))
        named: dict[str, tuple[str, ...]] = {}
        for pattern, category in found:
            key = windows.patterns[pattern]
            named[key] = (*named.get(key, ()), windows.categories[category])
        return named
