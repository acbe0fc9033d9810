"""Compare the live version with its challenger over a period of logged decisions, in the background.

Both answers are read from the log and never recomputed. Outcomes are those of closed trades that name the decision. A
module that is off logs no challenger.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import QuerySet

from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.vocabulary import Blend
from overrides.core.monitoring.replaying.challenger import CLOSE, Column, compared, outcome
from overrides.models import Challenge
from telemetry.foundation.background_results import BackgroundComputation, Progress
from telemetry.foundation.core.refusal import Refused
from telemetry.models import Decision, DecisionOutcome
from telemetry.models.traced import TRACE

TASK = "overrides.compare_challenger"
CHUNK = 5000
MOST_PATTERNS = 25
COMPARISONS = BackgroundComputation(
    Challenge, TASK, timedelta(minutes=2), expected_errors=Refused, refreshed=("asked_at",)
)
CODE = "challenge 1"  # increase it whenever the comparison changes, so that stored results are not reused
Place = tuple[str, str, str]  # pattern key, action category, lever
CAVEATS = (
    "The challenger was never served: its outcomes are those of the trades that what is live led to, weighed by its "
    "own multipliers.",
    "Outcomes count levers on whose value the result of a trade is proportional; the others are compared by answer.",
    "The band resamples whole days, so dependence that lasts longer than a day is not in it.",
)


@dataclass
class _Answers:
    """Both answers of one lever by decision, and both multipliers of the decisions whose trade has closed.

    The tuples hold (live, challenger).
    """

    units: tuple[array[float], array[float]] = field(default_factory=lambda: (array("d"), array("d")))
    bounded: tuple[array[int], array[int]] = field(default_factory=lambda: (array("b"), array("b")))
    closed: tuple[array[float], array[float]] = field(default_factory=lambda: (array("d"), array("d")))
    rr: array[float] = field(default_factory=lambda: array("d"))
    day: array[int] = field(default_factory=lambda: array("q"))


@dataclass
class _Gap:
    """How far the two answers to one pattern differ, and the decision with the largest difference, in lever units."""

    n: int = 0
    opposite: int = 0
    total: float = 0.0
    largest: float = -1.0
    decision: str = ""

    def add(self, live: float, other: float, decision: UUID) -> None:
        gap = abs(other - live)
        self.n, self.total, self.opposite = self.n + 1, self.total + gap, self.opposite + (live * other < 0)
        if gap > self.largest:
            self.largest, self.decision = gap, str(decision)


def compare_challenger(
    module: str, since: datetime, until: datetime, *, version: int | None = None, on_progress: Progress = lambda _: None
) -> dict[str, Any]:
    """Return the comparison, as JSON values, over the decisions of [since, until) that have a challenger answer."""
    rows = _logged(module, since, until, version)
    total = rows.count()
    answers: defaultdict[str, _Answers] = defaultdict(_Answers)
    gaps: defaultdict[Place, _Gap] = defaultdict(_Gap)
    versions: set[int] = set()
    done = 0
    for chunk in _chunks(rows):
        closed = _outcomes([row.decision_id for row in chunk])
        for row in chunk:
            versions.add(row.challenger_version or 0)
            _add(answers, gaps, row, closed.get(row.decision_id))
        done += len(chunk)
        on_progress(done / max(total, done))
    return {
        "module": module,
        "n": done,
        "versions": sorted(versions),
        "levers": {name: _lever(name, answers[name]) for name in LEVERS if name in answers},
        "patterns": _widest(gaps),
        "caveats": list(CAVEATS),
    }


def _logged(module: str, since: datetime, until: datetime, version: int | None) -> QuerySet[Decision]:
    """Return the decisions of the period that have a challenger's answer: a module that is off computes none."""
    rows = Decision.objects.filter(module=module, at__gte=since, at__lt=until, challenger_version__isnull=False)
    rows = rows.exclude(mode="off")
    if version is not None:
        rows = rows.filter(challenger_version=version)
    return rows.order_by("decision_id").only(
        "decision_id", "pattern_key", "action_category", "challenger_version", "levers", "challenger", *TRACE
    )


def _chunks(rows: QuerySet[Decision]) -> Iterator[list[Decision]]:
    chunk: list[Decision] = []
    for row in rows.iterator(chunk_size=CHUNK):
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _outcomes(decisions: list[UUID]) -> dict[UUID, tuple[float, datetime]]:
    """Return rr and close of the trade that each decision belongs to; of several trades the first one recorded."""
    rows = DecisionOutcome.objects.filter(decision_id__in=decisions, misfit="").order_by("-id")
    return {each: (rr, at) for each, rr, at in rows.values_list("decision_id", "rr", "trade__closed_at")}


def _add(
    answers: Mapping[str, _Answers],
    gaps: Mapping[Place, _Gap],
    row: Decision,
    closed: tuple[float, datetime] | None,
) -> None:
    live, other = row.levers, (row.challenger or {"levers": {}})["levers"]
    decision, pattern_key, category = row.decision_id, row.pattern_key, row.action_category
    for name in live.keys() & other.keys() & LEVERS.keys():
        lever, column = LEVERS[name], answers[name]
        values = [_value(live[name]), _value(other[name])]
        units = [lever.unit(value) for value in values]
        for side, lever_answer in enumerate((live[name], other[name])):
            column.units[side].append(units[side])
            column.bounded[side].append(bool(lever_answer.get("bounded", False)))
        if units[0] != units[1]:
            gaps[pattern_key, category, name].add(units[0], units[1], decision)
        if closed is not None and category in lever.scales_on:
            column.rr.append(closed[0])
            column.day.append(closed[1].toordinal())
            for side, value in enumerate(values):
                column.closed[side].append(value)


def _value(lever_answer: Mapping[str, Any]) -> float:
    """Return the value that the version computed, even if its mode served neutral instead."""
    return float(lever_answer.get("value", lever_answer["served"]))


def _lever(name: str, answers: _Answers) -> dict[str, Any]:
    lever = LEVERS[name]
    close = np.log1p(CLOSE) if lever.blend is Blend.LOG else lever.max_step / 2
    live, other = (np.array(each, np.float64) for each in answers.units)
    cut_live, cut_other = (np.array(each, np.bool_) for each in answers.bounded)
    result: dict[str, Any] = {"neutral": lever.neutral, "is_multiplier": lever.blend is Blend.LOG}
    result |= compared(Column(live, other, cut_live, cut_other), float(close))
    if lever.scales_on:
        day, rr = np.array(answers.day, np.int64), np.array(answers.rr, np.float64)
        m, other_m = (np.array(each, np.float64) for each in answers.closed)
        result["outcome"] = outcome(day, m, other_m, rr)
    return result


def _widest(gaps: Mapping[Place, _Gap]) -> list[dict[str, Any]]:
    ranked = sorted(gaps.items(), key=lambda item: (-item[1].total, item[0]))[:MOST_PATTERNS]
    return [
        {
            "pattern_key": key, "action_category": category, "lever": name, "n": gap.n, "opposite": gap.opposite,
            "mean": gap.total / gap.n, "largest": gap.largest, "decision": gap.decision,
        }
        for (key, category, name), gap in ranked
    ]  # fmt: skip


def request_comparison(
    *, module: str, since: datetime, until: datetime, now: datetime, version: int | None = None
) -> Challenge:
    """Return the row of the comparison at once, and enqueue its computation if it is due. Raises Refused."""
    if until <= since:
        raise Refused.because("ends before it begins; choose a later day").under("until")
    fields = {"module": module, "version": version, "since": since, "until": until}
    return COMPARISONS.request(_key(fields), fields, now=now)


def _key(fields: Mapping[str, Any]) -> str:
    """Return the hash of the request, of the newest decision and of the newest outcome."""
    decisions = Decision.objects.filter(module=fields["module"]).order_by("-decision_id")
    newest = decisions.values_list("decision_id", flat=True).first()
    outcome_id = DecisionOutcome.objects.order_by("-id").values_list("id", flat=True).first()
    return content_hash([CODE, *map(str, fields.values()), str(newest), outcome_id])


def run_comparison(key: str, *, now: datetime) -> None:
    """Compute the comparison of the row; progress is visible at once, and only one worker computes."""
    COMPARISONS.run(key, _document, now=now)


def _document(row: Challenge, progress: Progress) -> dict[str, Any]:
    period = row.since, row.until
    return {"document": compare_challenger(row.module, *period, version=row.version, on_progress=progress)}


def latest(module: str) -> Challenge | None:
    """Return the newest completed comparison of a module."""
    return Challenge.objects.filter(module=module, status=Challenge.Status.DONE).first()
