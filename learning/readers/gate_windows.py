"""Reader of the windows of episodes as columns, the input of a simulation of gates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection
from psycopg import sql

from learning.core.cells.rows import Floats
from learning.core.tuning.gate_windows import UNKNOWN, GateWindows
from learning.readers.group_columns import Numbering, since_epoch, values_of
from learning.readers.one_universe import OF_UNIVERSE, label_parameter
from overrides.core.engine.definitions.learned_from import LearnedFrom
from overrides.core.engine.definitions.levers import LEVERS
from telemetry.core.gates import score_of
from telemetry.core.read_gate_window import MOST_SAMPLES

# A window is named `outcome` here for the condition that all readers share: it carries the scope that is judged.
WINDOWS = """
SELECT outcome.id, coalesce(nullif(episode.cluster_id, ''), episode.episode_id), outcome.pattern_key,
    (extract(epoch FROM outcome.decided_at) * 1000000)::bigint,
    (extract(epoch FROM outcome.ended_at) * 1000000)::bigint,
    (extract(epoch FROM outcome.known_at) * 1000000)::bigint, outcome.thresholds, outcome.samples {scope}
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
    with connection.cursor() as cursor:
        selected: list[Any] = [list(learned.books), now, label_parameter(learned), list(categories)]
        cursor.execute(query.as_string(cursor.connection), selected)
        fetched = cursor.fetchall()
    pattern, cluster = Numbering(), Numbering()
    values = [values_of(name, learned) for name in learned.dimensions]
    codes = [[number(each) for number, each in zip(values, row[8:], strict=True)] for row in fetched]
    last = since_epoch(now)
    known = np.array([UNKNOWN if row[5] is None or row[5] > last else row[5] for row in fetched], dtype=np.int64)
    samples = _Samples([json.loads(row[6]) for row in fetched], [json.loads(row[7]) for row in fetched])
    return GateWindows(
        at=np.array([row[3] for row in fetched], dtype=np.int64),
        closed_at=np.array([row[4] for row in fetched], dtype=np.int64),
        known=known,
        pattern=np.array([pattern(row[2]) for row in fetched], dtype=np.int64),
        scope=np.array(codes, dtype=np.int32).reshape(len(fetched), len(values)),
        trade=np.arange(len(fetched)),
        cluster=np.array([cluster(row[1]) for row in fetched], dtype=np.int64),
        patterns=pattern.names,
        dimensions=learned.dimensions,
        values=tuple(numbering.names for numbering in values),
        rr=np.where(known[:, None] == UNKNOWN, np.nan, samples.rr),
        is_open=samples.is_open,
        scores=samples.scores,
        thresholds=samples.thresholds,
    )


class _Samples:
    """The samples of windows as columns `(windows, samples)`, from the documents in which they are stored."""

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
            self.thresholds[lever] = np.full(len(self.rr), np.nan)
            self.scores[lever] = np.full(self.rr.shape, np.nan)
        self.thresholds[lever][window] = threshold
        self.scores[lever][window, : len(score)] = score
