"""Shift trades by whole weeks up to the day of installation, so that hours and weekdays stay the same."""

from __future__ import annotations

from collections.abc import Mapping
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
    return dict(payload) | {
        "opened_at": _later(payload["opened_at"], delta),
        "closed_at": _later(payload["closed_at"], delta),
        "actions": [
            dict(action) | {name: _later(action[name], delta) for name in ("at", "known_at") if name in action}
            for action in payload["actions"]
        ],
    }


@lru_cache(maxsize=16_384)
def _later(at: str, delta: timedelta) -> str:
    return (datetime.fromisoformat(at) + delta).isoformat().replace("+00:00", "Z")
