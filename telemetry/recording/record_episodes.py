"""Record episodes: idempotent by (episode_id, revision), each batch in one transaction, by COPY."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from telemetry.core.episodes import Episode as EpisodeValue
from telemetry.core.episodes import parse_episode
from telemetry.core.gate_windows import sample_columns
from telemetry.core.gates import Gates
from telemetry.foundation.bulk_copy import copy_rows
from telemetry.foundation.core.canonical_json import fact_json
from telemetry.foundation.core.refusal import Refusal
from telemetry.models import Episode, EpisodeWindow
from telemetry.recording.revisions import Status, despite_others, revision_status

NAMESPACE = uuid.UUID("0f1f8c0e-52f4-5f57-8a0e-6a4c64a1c2d7")


@dataclass(frozen=True)
class EpisodeReceipt:
    """The result of recording one episode of a batch."""

    episode_id: str
    revision: int
    status: Status
    refusals: tuple[Refusal, ...] = ()


def episode_key(episode_id: str, revision: int) -> uuid.UUID:
    """Return the primary key of an episode's revision; it is the same wherever it is computed."""
    return uuid.uuid5(NAMESPACE, f"{revision}:{episode_id}")


def receive_episodes(payloads: Iterable[object], *, gates: Gates, now: datetime) -> list[EpisodeReceipt]:
    """Parse and record episodes, `gates` being those of the registry. Raises Refused with paths `[index].field`."""
    parsed = [parse_episode(each, gates=gates, now=now, field=f"[{index}]") for index, each in enumerate(payloads)]
    return record_episodes(parsed, now=now)


def record_episodes(episodes: Sequence[EpisodeValue], *, now: datetime, key: str = "") -> list[EpisodeReceipt]:
    """Record validated episodes; return one receipt each, in order.

    The same body again is `unchanged`. Another body under a recorded revision is `refused`, and so is a revision that
    skips one. `key` is the prefix of the API key that records them.
    """
    ordered = sorted(range(len(episodes)), key=lambda i: (episodes[i].episode_id, episodes[i].revision))

    def write() -> list[EpisodeReceipt]:
        receipts, accepted = _sort_out([episodes[i] for i in ordered])
        copy_rows(Episode, EPISODE_COLUMNS, (_episode_row(each, digest, now, key) for each, digest in accepted))
        copy_rows(EpisodeWindow, WINDOW_COLUMNS, _window_rows(each for each, _ in accepted))
        return receipts

    by_position = dict(zip(ordered, despite_others(write), strict=True))
    return [by_position[i] for i in range(len(episodes))]


def _sort_out(
    episodes: Sequence[EpisodeValue],
) -> tuple[list[EpisodeReceipt], list[tuple[EpisodeValue, bytes]]]:
    """Return receipts for all episodes, and those to write with their digests, given what is recorded already."""
    recorded: dict[str, dict[int, bytes]] = {}
    rows = Episode.objects.filter(episode_id__in={each.episode_id for each in episodes})
    for episode_id, revision, digest in rows.values_list("episode_id", "revision", "digest"):
        recorded.setdefault(episode_id, {})[revision] = bytes(digest)
    receipts, accepted = [], []
    for each in episodes:
        revisions, digest = recorded.setdefault(each.episode_id, {}), each.digest
        named = ("episode", "episode_id", each.episode_id)
        status, refusals = revision_status(*named, each.revision, digest, revisions)
        if status in (Status.NEW, Status.CORRECTED):
            revisions[each.revision] = digest
            accepted.append((each, digest))
        receipts.append(EpisodeReceipt(each.episode_id, each.revision, status, refusals))
    return receipts, accepted


EPISODE_COLUMNS = (
    "id", "episode_id", "revision", "correction_reason", "excluded_reason", "episode_type", "book", "source", "symbol",
    "side", "timeframe", "cluster_id", "trade_id", "started_at", "ended_at", "ended_in", "outcome", "entered", "digest",
    "recorded_at", "recorded_by",
)  # fmt: skip
WINDOW_COLUMNS = (
    "episode_id", "index", "window_id", "pattern_key", "action_category", "scope", "retest_index", "started_at",
    "ended_at", "decided_at", "entered_at", "trimmed_at", "known_at", "rr", "outcome", "thresholds", "blocked_by",
    "samples",
)  # fmt: skip


def _episode_row(episode: EpisodeValue, digest: bytes, now: datetime, key: str) -> tuple[Any, ...]:
    return (
        episode_key(episode.episode_id, episode.revision), episode.episode_id, episode.revision,
        episode.correction_reason or "", episode.excluded_reason or "", episode.episode_type, episode.book,
        episode.source or "", episode.symbol, episode.side or "", episode.timeframe or "", episode.cluster_id or "",
        episode.trade_id or "", episode.started_at, episode.ended_at, episode.ended_in or "", episode.outcome or "",
        any(window.entered_at is not None for window in episode.windows), digest, now, key,
    )  # fmt: skip


def _window_rows(episodes: Iterable[EpisodeValue]) -> Iterator[tuple[Any, ...]]:
    for episode in episodes:
        key = episode_key(episode.episode_id, episode.revision)
        for index, window in enumerate(episode.windows):
            yield (
                key, index, window.window_id, window.pattern_key, window.action_category, fact_json(window.scope),
                window.retest_index, window.started_at, window.ended_at, window.decided_at, window.entered_at,
                window.trimmed_at, window.known_at, window.rr, window.outcome or "", fact_json(window.thresholds),
                list(window.blocked_by), fact_json(sample_columns(window.samples)),
            )  # fmt: skip
