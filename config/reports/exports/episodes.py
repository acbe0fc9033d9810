"""Export of episodes of gates in the form in which the API takes them: recorded again, they are unchanged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Prefetch

from config.reports.exports.selection import CHUNK, Document, Selection
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import Episode, EpisodeWindow
from telemetry.models.episodes import corrected

FIELDS = (
    "episode_id", "revision", "correction_reason", "episode_type", "book", "source", "symbol", "side", "timeframe",
    "cluster_id", "trade_id", "started_at", "ended_at", "ended_in", "excluded_reason",
)  # fmt: skip
OF_WINDOW = (
    "window_id", "pattern_key", "action_category", "scope", "retest_index", "started_at", "ended_at", "thresholds",
    "entered_at", "trimmed_at", "known_at", "blocked_by", "outcome",
)  # fmt: skip
EPISODE_COLUMNS = (*FIELDS, "windows")
MODULE = "pm"  # whose chances episodes are


def episodes(selection: Selection) -> Iterator[Document]:
    """Yield episodes by their end; with all revisions by id, in order of revision, as an empty database needs them."""
    rows = selection.between(Episode.objects.all(), "ended_at")
    if selection.module not in (None, MODULE):
        return
    if selection.all_revisions:
        rows = rows.order_by("episode_id", "revision")
    else:
        rows = rows.filter(~corrected()).order_by("ended_at", "id")
    windows = Prefetch("windows", EpisodeWindow.objects.order_by("episode_id", "index"))
    with transaction.atomic():
        for episode in rows.prefetch_related(windows).iterator(CHUNK):
            yield _present(episode, FIELDS) | {"windows": [_window(each) for each in episode.windows.all()]}


def _window(window: EpisodeWindow) -> Document:
    columns: Mapping[str, Any] = window.samples
    samples = [
        {"at": at, "scores": _row(columns["scores"], index), "gates": _row(columns["gates"], index)}
        | ({} if columns["rr"][index] is None else {"rr": columns["rr"][index]})
        for index, at in enumerate(columns["at"])
    ]
    return _present(window, OF_WINDOW) | {"samples": samples}


def _row(columns: Mapping[str, list[Any]], index: int) -> Document:
    return {name: values[index] for name, values in columns.items() if values[index] is not None}


def _present(row: Any, names: tuple[str, ...]) -> Document:
    """Return the fields that hold something; 0 is something."""
    found = {name: getattr(row, name) for name in names}
    told = {name: value for name, value in found.items() if value is not None and value not in ("", [], {})}
    return {name: utc_text(value) if isinstance(value, datetime) else value for name, value in told.items()}
