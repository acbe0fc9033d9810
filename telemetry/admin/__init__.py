"""The admin's pages of facts: read-only, without exception."""

from telemetry.admin import operations, trades

__all__ = ["operations", "trades"]
