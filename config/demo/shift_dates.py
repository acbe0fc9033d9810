"""Shift trades by whole weeks up to the day of installation, so that hours and weekdays stay the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

WEEK = timedelta(weeks=1)


def shift(last_bar_end: datetime, installed_at: datetime) -> timedelta:
    """Return the whole weeks that move the end of the last bar to at most a week before `installed_at`.

    >>> shift(datetime(2024, 9, 6), datetime(2024, 9, 26, 12))
    datetime.timedelta(days=14)
    """
    return (installed_at - last_bar_end) // WEEK * WEEK


def shifted(payload: Mapping[str, Any], delta: timedelta) -> dict[str, Any]:
    """Return a copy of a trade with all times shifted; its `external_id` identifies the source trade and stays.

    >>> trade = {"opened_at": "2024-02-28T05:00:00Z", "closed_at": "2024-02-28T07:00:00Z", "actions": []}
    >>> shifted(trade, timedelta(weeks=1))["closed_at"]
    '2024-03-06T07:00:00Z'
    """
    return _moved(payload, ("opened_at", "closed_at"), delta) | {
        "actions": [_moved(action, ("at", "known_at"), delta) for action in payload["actions"]]
    }


def shifted_episode(payload: Mapping[str, Any], delta: timedelta) -> dict[str, Any]:
    """Return a copy of an episode with all times shifted; its `episode_id` identifies the source and stays."""
    return _moved(payload, ("started_at", "ended_at"), delta) | {
        "windows": [
            _moved(window, ("started_at", "ended_at", "entered_at", "trimmed_at", "known_at"), delta)
            | {"samples": [_moved(sample, ("at",), delta) for sample in window["samples"]]}
            for window in payload["windows"]
        ]
    }


def _moved(payload: Mapping[str, Any], times: Sequence[str], delta: timedelta) -> dict[str, Any]:
    return dict(payload) | {name: _later(payload[name], delta) for name in times if name in payload}


@lru_cache(maxsize=16_384)
def _later(at: str, delta: timedelta) -> str:
    return (datetime.fromisoformat(at) + delta).isoformat().replace("+00:00", "Z")
