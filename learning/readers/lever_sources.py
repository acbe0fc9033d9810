"""Everything that tells of the alternatives of tuning levers: trades, and the windows of gates that they may shut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from learning.core.tuning.evidence_source import Source
from learning.core.tuning.gate_windows import GateWindows
from learning.core.tuning.simulated_gate import SimulatedGate
from learning.core.tuning.trade_deltas import TradeDeltas
from learning.readers.gate_windows import load_gate_windows
from learning.readers.trade_deltas import TUNED, load_trade_deltas
from overrides.core.engine.definitions.learned_from import LearnedFrom
from overrides.core.engine.definitions.levers import LEVERS, Lever
from telemetry.core.gates import is_gate


@dataclass(frozen=True, eq=False)
class LeverSource:
    """What one source tells of one lever; `gate` is the simulation behind windows, None for trades."""

    source: Source
    lever: Lever
    told: TradeDeltas
    gate: SimulatedGate | None = None


def load_lever_sources(learned: LearnedFrom, now: datetime) -> list[LeverSource]:
    """Return what was known by `now` of each tuning lever that anything tells of, trades first."""
    trades = load_trade_deltas(learned, now)
    by_trades = [
        LeverSource(Source.TRADES, LEVERS[name], trades) for name, deltas in trades.levers.items() if deltas.names
    ]
    gates = load_simulated_gates(learned, now)
    return by_trades + [LeverSource(Source.WINDOWS, gate.lever, gate.told, gate) for gate in gates]


def load_simulated_gates(learned: LearnedFrom, now: datetime) -> Iterator[SimulatedGate]:
    """Yield the gate of each tuning lever that a window considers, over the windows that were told by `now`."""
    loaded: dict[tuple[str, ...], GateWindows] = {}
    for lever in (LEVERS[name] for name in TUNED if is_gate(name)):
        if lever.categories not in loaded:
            loaded[lever.categories] = load_gate_windows(learned, now, lever.categories)
        if loaded[lever.categories].considers(lever.name).any():
            yield SimulatedGate.of(loaded[lever.categories], lever)
