"""What the tests of the API share."""

from __future__ import annotations

import pytest

from tests.api_clients import RecordingQueue


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> RecordingQueue:
    """A queue in place of the process's, which keeps the decisions that the API hands to it."""
    kept = RecordingQueue()
    monkeypatch.setattr("overrides.serving.decisions.decision_queue.QUEUE", kept)
    return kept
