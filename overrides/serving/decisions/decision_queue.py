"""Keep the decisions of this process: queue them for the log, and wait a moment where the caller asks for it."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from django.conf import settings

from overrides.serving.decisions.decision_columns import rows_of
from overrides.serving.decisions.decision_record import Decided, decision_record
from overrides.serving.resolve import Resolved
from telemetry.decisions.decision_log import Form
from telemetry.decisions.decision_queue import DecisionQueue
from telemetry.decisions.spill import Spill

logger = logging.getLogger(__name__)


def spill_directory() -> Path:
    """Return where decisions wait on disk: DECISION_SPILL_DIR, or a folder of this database among temporary files."""
    if settings.DECISION_SPILL_DIR:
        return Path(settings.DECISION_SPILL_DIR)
    database = settings.DATABASES["default"]
    name = "|".join(str(database.get(part, "")) for part in ("HOST", "PORT", "NAME"))
    return Path(tempfile.gettempdir()) / f"counterweight-decisions-{sha256(name.encode()).hexdigest()[:16]}"


QUEUE: DecisionQueue[Decided] = DecisionQueue(
    Form(rows_of, decision_record, lambda decided: decided.decision_id), spill=Spill(spill_directory())
)


def decision_counters() -> dict[str, int]:
    """Return how many decisions this process queued and what became of them; for health and metrics."""
    return QUEUE.counters()


def keep(answers: Sequence[Resolved], *, durable: bool) -> dict[str, bool]:
    """Hand the decisions to the log; with `durable`, return whether they were written within half a second.

    Decisions that were not are written later.
    """
    for answer in answers:
        if answer.answer.error is not None:
            logger.error("decision %s is neutral: %s", answer.decided.decision_id, answer.answer.error)
    decided = [answer.decided for answer in answers]
    if durable:
        return {"durable": QUEUE.put_durable(decided)}
    QUEUE.put(decided)
    return {}
