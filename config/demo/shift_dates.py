"""Move trades by whole weeks up to the day of installation: hours and days of the week stay what they were."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

WEEK = timedelta(weeks=1)


def shift(last_bar_end: datetime, installed_at: datetime) -> timedelta:
    """The whole weeks that bring the end of the last bar to at most a week before `installed_at`, or exactly to it.

    >>> shift(datetime(2024, 9, 6), datetime(2024, 9, 26, 12))
    datetime.timedelta(days=14)
    """
    return (installed_at - last_bar_end) // WEEK * WEEK


def shifted(payload: Mapping[str, Any], delta: timedelta) -> dict[str, Any]:
    """A copy of a trade with all its times moved. Its `external_id` stays: it names the trade in the source.

    >>> trade = {"opened_at": "2024-02-28T05:00:00Z", "closed_at": "2024-02-28T07:00:00Z", "actions": []}
    >>> shifted(trade, timedelta(weeks=1))["closed_at"]
    '2024-03-06T07:00:00Z'
    """
    return dict(payload) | {
        "opened_at": _later(payload["opened_at"], delta),
        "closed_at": _later(payload["closed_at"], delta),
        "actions": [dict(action) | {"at": _later(action["at"], delta)} for action in payload["actions"]],
    }


@lru_cache(maxsize=16_384)
def _later(at: str, delta: timedelta) -> str:
    return (datetime.fromisoformat(at) + delta).isoformat().replace("+00:00", "Z")
