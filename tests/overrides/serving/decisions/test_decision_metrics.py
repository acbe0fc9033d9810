"""What became of decisions is counted for Prometheus: every outcome from the first time on, and each decision once."""

from __future__ import annotations

from unittest.mock import patch

from overrides.serving.decisions import decision_metrics
from overrides.serving.decisions.decision_metrics import count_decisions
from overrides.serving.decisions.decision_queue import decision_counters
from telemetry.decisions.decision_queue import OUTCOMES
from telemetry.foundation import metrics


def counted(outcome: str) -> float:
    found = metrics.REGISTRY.get_sample_value("counterweight_decisions_total", {"outcome": outcome})
    assert found is not None, f"{outcome} is not published"
    return found


def test_each_decision_is_counted_once() -> None:
    count_decisions()
    before = {outcome: counted(outcome) for outcome in OUTCOMES}
    now = decision_counters()

    with patch.object(decision_metrics, "decision_counters", return_value=now | {"dropped": now["dropped"] + 3}):
        count_decisions()
        count_decisions()

    after = {outcome: counted(outcome) for outcome in OUTCOMES}
    assert after == before | {"dropped": before["dropped"] + 3}
    decision_metrics._COUNTED["dropped"] -= 3
