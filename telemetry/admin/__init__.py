"""Admin pages of the facts; all of them are read-only."""

from telemetry.admin import operations, trades, units

__all__ = ["operations", "trades", "units"]
