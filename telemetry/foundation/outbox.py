"""Tasks for the queue, written with what asks for them: none is lost while the queue is away, and nobody waits for it.

A message is stored in the caller's transaction, sent once that has committed, and again by the beat (`send_outbox`)
until the queue has taken it. It may be sent twice (the queue took it, then the connection broke): tasks bear that.
What a queue loses after it has taken it is for the beat, whose jobs go by what the tables say.
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
KEPT = timedelta(days=1)
# One attempt: by itself kombu tries for four seconds to connect to a queue that refuses.
PATIENCE = {"socket_connect_timeout": 1, "socket_timeout": 1, "max_retries": 0}


def send_later(task: str, kwargs: Mapping[str, Any] | None = None, *, now: datetime, wait: timedelta = AT_ONCE) -> None:
    """Have the queue run `task`, no sooner than `wait` from now, once the caller's transaction has committed.

    With a `wait`, a message for the same task and arguments that has not run yet stands for this one too: a burst
    becomes one run, at its end. Errors of the queue never reach the caller.
    """
    arguments = dict(kwargs or {})
    if wait > AT_ONCE and _is_expected(task, arguments, now):
        return
    message = OutboxMessage.objects.create(
        task=task, kwargs=arguments, request_id=request_id(), created_at=now, due_at=now + wait
    )
    transaction.on_commit(partial(_send_first, message.pk, now), robust=True)


def send_outbox(*, now: datetime, limit: int = 1000) -> int:
    """Send what waits, and forget what was sent a day ago; the number sent."""
    OutboxMessage.objects.filter(sent_at__lt=now - KEPT).delete()
    return _send(_waiting().order_by("attempts", "id")[:limit], now)


def _waiting() -> QuerySet[OutboxMessage]:
    """What nobody else is sending; held until the transaction ends."""
    return OutboxMessage.objects.select_for_update(skip_locked=True).filter(sent_at=None)


def _is_expected(task: str, kwargs: Mapping[str, Any], now: datetime) -> bool:
    is_to_come = Q(sent_at=None) | Q(due_at__gt=now)
    return OutboxMessage.objects.filter(is_to_come, task=task, kwargs=kwargs).exists()


def _send_first(pk: int, now: datetime) -> None:
    """Unless the queue is known to be away: then the beat finds out when it is back, and requests stay fast."""
    if not OutboxMessage.objects.filter(sent_at=None, attempts__gt=0).exists():
        _send(_waiting().filter(pk=pk), now)


@transaction.atomic
def _send(messages: QuerySet[OutboxMessage], now: datetime) -> int:
    """Send until one fails: the queue is away for the next one too."""
    sent = 0
    with current_app.connection_for_write(transport_options=PATIENCE) as queue:
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
    """Publish one message, on a fresh connection and without retries; the error, or nothing."""
    try:
        current_app.send_task(
            message.task,
            kwargs=message.kwargs,
            eta=message.due_at if message.due_at > message.created_at else None,
            headers={"request_id": message.request_id},
            connection=queue,
            retry=False,
        )
    except Exception as error:  # whatever it was, the message waits and says why
        return f"{type(error).__name__}: {error}"[:500]
    return ""
