"""Admin pages of the facts; all of them are read-only."""

from telemetry.admin import episodes, operations, trades, units

__all__ = ["episodes", "operations", "trades", "units"]
