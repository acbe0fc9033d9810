"""Choices of channel and learning method, and the longest time in days that a column takes."""

from __future__ import annotations

CHANNELS = [(name, name) for name in ("dm_alloc", "pm_strength", "pm_tuning")]


POLICIES = [(name, name) for name in ("plan", "evidence")]


DAYS_MAX = 36_500.0
