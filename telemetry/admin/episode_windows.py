"""The windows of an episode on its page: a chart for each gate, what was shut, and every sample as a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from telemetry.admin.gate_chart import GateChart, gate_chart
from telemetry.core.gates import score_of
from telemetry.models import EpisodeWindow


@dataclass(frozen=True)
class SampleRow:
    """One sample: its scores and gates in the order of the window's columns, and what acting would have earned."""

    at: datetime
    scores: tuple[float | None, ...]
    gates: tuple[bool | None, ...]
    rr: float | None
    is_decided: bool


@dataclass(frozen=True)
class WindowRow:
    """One window, its charts, and the names of its columns of samples."""

    window: EpisodeWindow
    charts: tuple[GateChart, ...]
    scores: tuple[str, ...]
    gates: tuple[str, ...]
    samples: tuple[SampleRow, ...]


def window_rows(windows: Sequence[EpisodeWindow]) -> list[WindowRow]:
    """Return the windows of an episode as they are shown, in order."""
    return [_row(window) for window in windows]


def _row(window: EpisodeWindow) -> WindowRow:
    columns: dict[str, Any] = window.samples
    times = [datetime.fromisoformat(each) for each in columns["at"]]
    decided = times.index(window.decided_at)
    scores, gates = columns["scores"], columns["gates"]
    considered = [score_of(lever) for lever in window.thresholds]
    ordered = [*considered, *(name for name in sorted(scores) if name not in considered)]
    return WindowRow(
        window=window,
        charts=tuple(
            gate_chart(
                lever,
                threshold,
                times,
                scores[score_of(lever)],
                (window.started_at, window.ended_at),
                decided,
                is_entered=window.entered_at is not None,
            )
            for lever, threshold in window.thresholds.items()
        ),
        scores=tuple(ordered),
        gates=tuple(sorted(gates)),
        samples=tuple(
            SampleRow(
                at=at,
                scores=tuple(scores[name][index] for name in ordered),
                gates=tuple(gates[name][index] for name in sorted(gates)),
                rr=columns["rr"][index],
                is_decided=index == decided,
            )
            for index, at in enumerate(times)
        ),
    )
