"""What each web process says about itself, written once a second into the files that `/metrics` adds up."""

from __future__ import annotations

import logging
import threading

from overrides.core.engine.definitions.serving_mode import Mode
from overrides.serving.answer_metrics import count_answers
from overrides.serving.decisions.decision_metrics import count_decisions
from overrides.serving.engine import ENGINE_ROOM
from telemetry.core.vocabulary import Module
from telemetry.foundation import metrics
from telemetry.foundation.http_metrics import count_requests

logger = logging.getLogger(__name__)

SECONDS = 1.0


def publish_process_metrics() -> None:
    """Count the answers, requests and decisions that wait to be counted, and set the gauges of this process."""
    count_answers()
    count_requests()
    count_decisions()
    for module in Module:
        metrics.ENGINE_AGE.labels(module.value).set(ENGINE_ROOM.stale_seconds(module))
        engine = ENGINE_ROOM.known(module)
        metrics.ENGINE_VERSION.labels(module.value).set((engine and engine.version) or 0)
        served = engine.mode.mode if engine else Mode.OFF
        for mode in Mode:
            metrics.ENGINE_MODE.labels(module.value, mode.value).set(mode is served)


class Publisher:
    """The thread that publishes, one in each web process."""

    def __init__(self) -> None:
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread after it has published once more."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        is_failing = False
        while True:
            is_last = self._closing.wait(SECONDS)
            try:
                publish_process_metrics()
                is_failing = False
            except Exception:  # numbers are missing then, and nothing else stops; said once until it works again
                if not is_failing:
                    logger.exception("metrics of this process could not be written")
                is_failing = True
            if is_last:
                return


PUBLISHER = Publisher()
