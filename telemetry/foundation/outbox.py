"""Transactional outbox: a task is stored with the write that requests it, and sent to the queue after the commit.

No task is lost while the queue is unreachable, and no caller waits for it: the beat (`send_outbox`) resends a message
until the queue has taken it. A message can be sent twice (the connection broke after the queue had taken it), so tasks
must tolerate that. Messages that the queue itself loses are covered by the beat, whose jobs go by the tables.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from celery import current_app
from django.db import transaction
from django.db.models import F, Q, QuerySet
from kombu import Connection

from telemetry.foundation.models import OutboxMessage
from telemetry.foundation.request_id import request_id

logger = logging.getLogger(__name__)

AT_ONCE = timedelta(0)
RETENTION = timedelta(days=1)
# One attempt only: by default kombu tries for four seconds to connect to a queue that refuses.
TRANSPORT_OPTIONS = {"socket_connect_timeout": 1, "socket_timeout": 1, "max_retries": 0}


def send_later(task: str, kwargs: Mapping[str, Any] | None = None, *, now: datetime, wait: timedelta = AT_ONCE) -> None:
    """Enqueue `task`, to run no sooner than `wait` from now, once the caller's transaction has committed.

    With a `wait`, a pending message for the same task and arguments stands for this one too, so that a burst becomes
    one run at its end. Errors of the queue never reach the caller.
    """
    arguments = dict(kwargs or {})
    if wait > AT_ONCE and _is_expected(task, arguments, now):
        return
    message = OutboxMessage.objects.create(
        task=task, kwargs=arguments, request_id=request_id(), created_at=now, due_at=now + wait
    )
    transaction.on_commit(partial(_send_first, message.pk, now), robust=True)


def send_outbox(*, now: datetime, limit: int = 1000) -> int:
    """Send the pending messages, delete those sent more than a day ago, and return the number sent."""
    OutboxMessage.objects.filter(sent_at__lt=now - RETENTION).delete()
    return _send(_waiting().order_by("attempts", "id")[:limit], now)


def _waiting() -> QuerySet[OutboxMessage]:
    """Return the unsent messages that no other worker is sending, locked until the transaction ends."""
    return OutboxMessage.objects.select_for_update(skip_locked=True).filter(sent_at=None)


def _is_expected(task: str, kwargs: Mapping[str, Any], now: datetime) -> bool:
    is_to_come = Q(sent_at=None) | Q(due_at__gt=now)
    return OutboxMessage.objects.filter(is_to_come, task=task, kwargs=kwargs).exists()


def _send_first(pk: int, now: datetime) -> None:
    """Send a new message, unless an earlier one has failed: requests stay fast while the queue is unreachable.

    The beat finds out when the queue is back.
    """
    if not OutboxMessage.objects.filter(sent_at=None, attempts__gt=0).exists():
        _send(_waiting().filter(pk=pk), now)


@transaction.atomic
def _send(messages: QuerySet[OutboxMessage], now: datetime) -> int:
    """Send messages until one fails, since the queue would refuse the next one too; return the number sent."""
    sent = 0
    with current_app.connection_for_write(transport_options=TRANSPORT_OPTIONS) as queue:
        for message in messages:
            error = _published(message, queue)
            OutboxMessage.objects.filter(pk=message.pk).update(
                attempts=F("attempts") + 1, last_error=error, sent_at=None if error else now
            )
            if error:
                logger.warning("the queue did not take %s, which waits in the outbox: %s", message.task, error)
                break
            sent += 1
    return sent


def _published(message: OutboxMessage, queue: Connection) -> str:
    """Publish one message on a fresh connection without retries; return the error, or an empty text."""
    try:
        current_app.send_task(
            message.task,
            kwargs=message.kwargs,
            eta=message.due_at if message.due_at > message.created_at else None,
            headers={"request_id": message.request_id},
            connection=queue,
            retry=False,
        )
    except Exception as error:  # after any error the message stays in the outbox, with the reason
        return f"{type(error).__name__}: {error}"[:500]
    return ""
