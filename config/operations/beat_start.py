"""Records when beat starts; Celery imports this module in worker and beat (the setting CELERY_IMPORTS)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from celery.signals import beat_embedded_init, beat_init

from config.operations.job_punctuality import record_start


@beat_init.connect
@beat_embedded_init.connect
def record_start_of_beat(**_: Any) -> None:
    """Record when beat starts: no job is late before beat has run for a while."""
    record_start(now=datetime.now(UTC))
