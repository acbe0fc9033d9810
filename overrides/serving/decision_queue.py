"""Keep the decisions of this process: queue them for the log, or write them first where the caller asks for it."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Sequence

from django.db import DatabaseError

from overrides.serving.resolve import Resolved
from telemetry.decisions.decision_log import DecisionQueue, record_decisions
from telemetry.foundation.api.time_limits import write_time_limit

logger = logging.getLogger(__name__)

QUEUE = DecisionQueue()


@atexit.register
def flush_decisions() -> None:
    """Write the queued decisions at process exit, because the queue's own thread dies with the process."""
    try:
        QUEUE.flush()
    except DatabaseError:
        logger.exception("%d decisions were not written before the process ended", len(QUEUE))


def keep(answers: Sequence[Resolved], *, durable: bool) -> dict[str, bool]:
    """Hand the decisions to the log; with `durable`, return whether they have been written already."""
    for answer in answers:
        if answer.answer.error is not None:
            logger.error("decision %s is neutral: %s", answer.record.decision_id, answer.answer.error)
    records = [answer.record for answer in answers]
    if durable:
        try:
            with write_time_limit():
                record_decisions(records)
            return {"durable": True}
        except DatabaseError as error:
            logger.warning("decisions wait though durability was asked for: %s", error)
    QUEUE.put(records)
    return {"durable": False} if durable else {}
