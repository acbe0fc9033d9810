"""Django choices of channels and learning methods, and the largest number of days that a column accepts."""

from __future__ import annotations

CHANNELS = [(name, name) for name in ("dm_alloc", "pm_strength", "pm_tuning")]


POLICIES = [(name, name) for name in ("plan", "evidence")]


DAYS_MAX = 36_500.0
