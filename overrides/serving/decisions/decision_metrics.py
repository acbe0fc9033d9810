"""Count for Prometheus what became of the decisions of this process, from the counters of its queue."""

from __future__ import annotations

import threading

from overrides.serving.decisions.decision_queue import decision_counters
from telemetry.decisions.decision_queue import OUTCOMES
from telemetry.foundation import metrics

_COUNTED = dict.fromkeys(OUTCOMES, 0)
_COUNTING = threading.Lock()


def count_decisions() -> None:
    """Add what the queue has counted since the last call; an outcome that nothing had is published as 0."""
    with _COUNTING:
        counters = decision_counters()
        for outcome in OUTCOMES:
            metrics.DECISIONS.labels(outcome).inc(counters[outcome] - _COUNTED[outcome])
            _COUNTED[outcome] = counters[outcome]
        metrics.DECISIONS_WAITING.set(counters["waiting"])
