"""Aggregate the groups with new facts together with other workers, as a Celery group of one task for each group."""

from __future__ import annotations

from datetime import datetime

from celery import group, signature
from kombu.exceptions import OperationalError as QueueAway

from learning.lessons.aggregate import aggregate_dirty, aggregate_group, changed_groups
from learning.readers.group_columns import PatternGroup
from overrides.versions.load_version import current_parameters
from telemetry.audit.simulated_time import simulated_time

TASK = "learning.aggregate_group"
MOST_SHARED = 256  # groups offered at once; each is a message, also where nobody helps


def aggregate_shared(*, module: str, now: datetime) -> int:
    """Bring every group of a module with new facts up to date; return the number of groups done here.

    The groups are offered to other workers, the last ones first, while this one begins with the first. Whoever comes
    second to a group finds nothing to do. Where nobody helps, or the queue is away, all of them are done here.
    """
    _offer(changed_groups(current_parameters(module))[:0:-1][:MOST_SHARED], now)
    return aggregate_dirty(module=module, now=now)


def aggregate_one(names: PatternGroup, *, now: datetime) -> bool:
    """Bring one group up to date; return whether there was anything to do."""
    return aggregate_group(names, current_parameters(names.module), now=now)


def _offer(groups: list[PatternGroup], now: datetime) -> None:
    """Send a task for each group."""
    if not groups:
        return
    moment = {} if simulated_time() is None else {"now": now.isoformat()}  # a task takes no other time than the present
    try:
        group(signature(TASK, kwargs=each._asdict() | moment) for each in groups).apply_async()
    except QueueAway:
        return
