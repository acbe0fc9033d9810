"""Mark groups whose outcomes changed, for `learning.lessons.aggregate`; a mark names the trades behind it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from telemetry.foundation.bulk_copy import copy_rows
from telemetry.models import DirtyGroup

LARGEST_MARK = 1_000  # trades; a group with more changed trades is read again as a whole
COLUMNS = ("module", "pattern_key", "action_category", "trades", "marked_at")

GroupTrade = tuple[str, str, str, UUID]  # module, pattern key, action category, trade


def mark_groups(changed: Iterable[GroupTrade], now: datetime) -> None:
    """Mark the group of each changed outcome, with one mark for each group, in the transaction of the change."""
    trades: defaultdict[tuple[str, str, str], set[UUID]] = defaultdict(set)
    for module, pattern_key, category, trade in changed:
        trades[module, pattern_key, category].add(trade)
    copy_rows(DirtyGroup, COLUMNS, ((*group, named(trades[group]), now) for group in sorted(trades)))


def named(trades: Iterable[UUID]) -> list[UUID] | None:
    """Return the trades as a mark names them: in order, or None if they are too many to be named.

    >>> named([UUID(int=2), UUID(int=1)])
    [UUID('00000000-0000-0000-0000-000000000001'), UUID('00000000-0000-0000-0000-000000000002')]
    """
    found = sorted(trades)
    return found if len(found) <= LARGEST_MARK else None
