"""Reader of the windows of episodes as columns, the input of a simulation of gates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection, transaction
from psycopg import sql

from learning.core.cells.rows import Floats
from learning.core.tuning.gate_windows import GateWindows
from learning.core.tuning.trade_deltas import UNKNOWN
from learning.readers.group_columns import Numbering, since_epoch, values_of
from learning.readers.one_universe import OF_UNIVERSE, label_parameter
from overrides.core.engine.definitions.learned_from import LearnedFrom
from overrides.core.engine.definitions.levers import LEVERS
from telemetry.core.gates import score_of
from telemetry.core.read_gate_window import MOST_SAMPLES

CHUNK = 5_000  # windows per fetch, each with the JSON of its samples
# An episode is told as a whole: nothing of its windows is known before it has ended, whenever a result was known.
# A window is named `outcome` here for the condition that all readers share: it carries the scope that is judged.
WINDOWS = """
SELECT coalesce(nullif(episode.cluster_id, ''), episode.episode_id), outcome.pattern_key,
    (extract(epoch FROM outcome.decided_at) * 1000000)::bigint,
    (extract(epoch FROM episode.ended_at) * 1000000)::bigint,
    (extract(epoch FROM outcome.known_at) * 1000000)::bigint,
    outcome.action_category, outcome.thresholds, outcome.samples {scope}
FROM telemetry_episodewindow AS outcome JOIN telemetry_episode AS episode ON episode.id = outcome.episode_id
WHERE episode.book = ANY(%s) AND episode.excluded_reason = '' AND episode.ended_at <= %s AND {of_universe}
    AND outcome.action_category = ANY(%s) AND NOT EXISTS (
        SELECT FROM telemetry_episode AS later
        WHERE later.episode_id = episode.episode_id AND later.revision = episode.revision + 1
    )
ORDER BY outcome.decided_at, episode.episode_id, outcome.index
"""


def load_gate_windows(learned: LearnedFrom, now: datetime, categories: Sequence[str]) -> GateWindows:
    """Return the windows of episodes that had ended by `now`, those of the action categories; only pm has any.

    What was not known by `now` is not known here; the windows are still read, so that it can be told how many of them
    are undecided.
    """
    scope = sql.SQL("").join(sql.SQL(", outcome.scope ->> {}").format(sql.Literal(name)) for name in learned.dimensions)
    query = sql.SQL(WINDOWS).format(scope=scope, of_universe=sql.SQL(OF_UNIVERSE))
    reader = _Reader(learned, since_epoch(now))
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        selected: list[Any] = [list(learned.books), now, label_parameter(learned), list(categories)]
        cursor.execute(query.as_string(connection.connection), selected)
        while rows := cursor.fetchmany(CHUNK):
            reader.add(rows)
    return reader.windows()


class _Reader:
    """Collects windows chunk by chunk as numbers, so that memory never holds all of their documents."""

    def __init__(self, learned: LearnedFrom, last: int) -> None:
        self.dimensions, self.last = learned.dimensions, last
        self.pattern, self.cluster, self.category = Numbering(), Numbering(), Numbering()
        self.values = [values_of(name, learned) for name in learned.dimensions]
        self.numbers: list[tuple[int, ...]] = []
        self.codes: list[list[int]] = []
        self.samples: list[_Samples] = []

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add fetched rows."""
        for cluster, pattern, decided, ended, known, category, _, _, *scope in rows:
            moment = UNKNOWN if known is None or known > self.last else max(known, ended)
            codes = self.pattern(pattern), self.category(category), self.cluster(cluster)
            self.numbers.append((decided, ended, moment, *codes))
            self.codes.append([number(each) for number, each in zip(self.values, scope, strict=True)])
        self.samples.append(_Samples([json.loads(row[6]) for row in rows], [json.loads(row[7]) for row in rows]))

    def windows(self) -> GateWindows:
        """Return all windows that were added."""
        n = len(self.numbers)
        at, closed_at, known, pattern, category, cluster = np.array(self.numbers, dtype=np.int64).reshape(n, 6).T
        rr = _joined([each.rr for each in self.samples], (0, MOST_SAMPLES))
        levers = dict.fromkeys(lever for each in self.samples for lever in each.thresholds)
        return GateWindows(
            at=at,
            closed_at=closed_at,
            known=known,
            pattern=pattern,
            scope=np.array(self.codes, dtype=np.int32).reshape(n, len(self.values)),
            trade=np.arange(n),
            cluster=cluster,
            patterns=self.pattern.names,
            category=category,
            categories=self.category.names,
            dimensions=self.dimensions,
            values=tuple(numbering.names for numbering in self.values),
            rr=np.where(known[:, None] == UNKNOWN, np.nan, rr),
            is_open=_joined([each.is_open for each in self.samples], (0, MOST_SAMPLES)).astype(np.bool_),
            scores={name: _joined([each.score(name) for each in self.samples], (0, MOST_SAMPLES)) for name in levers},
            thresholds={name: _joined([each.threshold(name) for each in self.samples], (0,)) for name in levers},
        )


def _joined(parts: Sequence[Any], nothing: tuple[int, ...]) -> Any:
    return np.concatenate([np.empty(nothing), *parts])


class _Samples:
    """The samples of some windows as columns `(windows, samples)`, from the documents in which they are stored."""

    def __init__(self, thresholds: Sequence[Mapping[str, float]], documents: Sequence[Mapping[str, Any]]) -> None:
        n = len(documents)
        self.rr: Floats = np.full((n, MOST_SAMPLES), np.nan)
        self.is_open = np.zeros((n, MOST_SAMPLES), dtype=np.bool_)
        self.scores: dict[str, Floats] = {}
        self.thresholds: dict[str, Floats] = {}
        for window, (in_force, document) in enumerate(zip(thresholds, documents, strict=True)):
            rr = document["rr"]
            self.rr[window, : len(rr)] = rr  # null becomes NaN
            self.is_open[window, : len(rr)] = True
            for flags in document["gates"].values():
                self.is_open[window, : len(rr)] &= [flag is not False for flag in flags]
            for lever, threshold in in_force.items():
                if lever in LEVERS:
                    self._consider(window, lever, threshold, document["scores"][score_of(lever)])

    def _consider(self, window: int, lever: str, threshold: float, score: Sequence[float]) -> None:
        if lever not in self.thresholds:
            self.thresholds[lever], self.scores[lever] = self.threshold(lever), self.score(lever)
        self.thresholds[lever][window] = threshold
        self.scores[lever][window, : len(score)] = score

    def threshold(self, lever: str) -> Floats:
        """Return the thresholds of a lever, NaN where it is not considered."""
        known = self.thresholds.get(lever)
        return np.full(len(self.rr), np.nan) if known is None else known

    def score(self, lever: str) -> Floats:
        """Return the scores of a lever's gate, NaN where it is not considered."""
        known = self.scores.get(lever)
        return np.full(self.rr.shape, np.nan) if known is None else known
