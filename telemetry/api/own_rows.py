"""The rows of telemetry that a bot may read as its own: what it recorded, and the answers that it received."""

from __future__ import annotations

from telemetry.foundation.api.own_rows import OwnRows

TRADES = OwnRows("telemetry.view_trade", "telemetry.view_own_trade", "recorded_by")
DECISIONS = OwnRows("telemetry.view_decision", "telemetry.view_own_decision", "key")
EPISODES = OwnRows("telemetry.view_episode", "telemetry.view_own_episode", "recorded_by")
