"""Windows are read as columns, with what was known by a moment and with the revision that stands."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pytest

from learning.core.tuning.gate_simulation import gate_changes, simulate_gate
from learning.core.tuning.gate_windows import GateWindows, first_open
from learning.core.tuning.trade_deltas import UNKNOWN
from learning.readers.gate_windows import load_gate_windows
from learning.readers.group_columns import since_epoch
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from telemetry.core.episodes import parse_episode
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.recording.record_episodes import record_episodes
from tests.builders import make_parameters
from tests.telemetry.core.builders import NOW
from tests.telemetry.core.episode_builders import (
    GATES,
    HOUR,
    START,
    entered_payload,
    episode_payload,
    sample_payload,
    window_payload,
)

pytestmark = pytest.mark.django_db
ADDS = ("entry", "add")
TS = "min_ts_for_add"


def record(*payloads: Any) -> None:
    record_episodes([parse_episode(each, gates=GATES, now=NOW) for each in payloads], now=NOW)


def load(until: datetime = NOW, **learning: Any) -> GateWindows:
    parameters = make_parameters(lessons=ModuleParameters.default("pm").to_document()["lessons"] | learning)
    return load_gate_windows(parameters.learned_from, until, ADDS)


def test_windows_are_columns_of_samples() -> None:
    record(episode_payload(windows=[window_payload(), entered_payload()]))

    found = load()

    assert found.patterns == ("ema.long.retest",)
    entered, skipped = 0, 1  # in the order of their decision
    assert found.at.tolist() == [since_epoch(START + 2 * HOUR), since_epoch(START + 4 * HOUR)]
    np.testing.assert_array_equal(found.rr[skipped, :4], [0.9, 0.7, np.nan, np.nan])
    np.testing.assert_array_equal(found.scores[TS][skipped, :4], [0.52, 0.58, 0.4, np.nan])
    assert found.is_open[:, :4].tolist() == [[True, True, True, False]] * 2
    assert found.thresholds[TS].tolist() == [0.6, 0.6]
    assert found.cluster[entered] == found.cluster[skipped]
    assert first_open(found.is_open & found.passes(TS, found.thresholds[TS])).tolist() == [1, -1]


def test_the_thresholds_in_force_give_what_happened() -> None:
    record(episode_payload(windows=[window_payload(), entered_payload()]))

    found = load()

    assert simulate_gate(found, TS, (0.6,)).before.tolist() == [1, -1]
    assert simulate_gate(found, TS, (0.55, 0.68)).changes.tolist() == [
        [0.0, pytest.approx(np.nan, nan_ok=True)],
        [0.7, 0.0],
    ]


def test_results_are_known_from_their_time_on_and_the_window_before() -> None:
    known = START + 30 * HOUR
    record(episode_payload(windows=[window_payload(known_at=utc_text(known))]))

    before, after = load(known - HOUR), load(known)

    assert (before.known.tolist(), after.known.tolist()) == ([UNKNOWN], [since_epoch(known)])
    assert np.isnan(before.rr).all()
    (change,) = gate_changes(before, simulate_gate(before, TS, (0.5,)), TS)
    assert (change.unknown, change.windows) == (1, 0)
    assert len(load(START + 20 * HOUR)) == 0  # the episode had not ended


def test_a_correction_stands_in_the_place_of_what_it_corrects() -> None:
    unknown = window_payload(samples=[sample_payload()], known_at=None)
    record(episode_payload(windows=[unknown]))
    record(episode_payload(revision=2, correction_reason="the result is known"))

    found = load()

    assert (len(found), found.rr[0, 1]) == (1, 0.7)


def test_only_books_and_episodes_that_are_learned_from_are_read() -> None:
    record(
        episode_payload("other book", book="live"),
        episode_payload("excluded", excluded_reason="the exchange was away"),
        episode_payload("trim", windows=[_trim()]),
        episode_payload("read", cluster_id="c"),
    )

    assert len(load()) == 1
    assert len(load_gate_windows(ModuleParameters.default("pm").learned_from, NOW, ("trim",))) == 1


def _trim() -> dict[str, Any]:
    samples = [sample_payload(1, scores={"ox": 0.5}, rr=-0.2)]
    return window_payload(action_category="trim", thresholds={"min_ox_for_trim": 0.65}, samples=samples)


def test_chunk_by_chunk_the_same_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    record(episode_payload(windows=[window_payload(), entered_payload()]), episode_payload("e2"))
    whole = load()

    monkeypatch.setattr("learning.readers.gate_windows.CHUNK", 1)
    pieces = load()

    for name in ("at", "known", "cluster", "scope", "rr", "is_open"):
        np.testing.assert_array_equal(getattr(pieces, name), getattr(whole, name))
    np.testing.assert_array_equal(pieces.scores[TS], whole.scores[TS])
    np.testing.assert_array_equal(pieces.thresholds[TS], whole.thresholds[TS])
