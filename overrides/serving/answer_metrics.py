"""Count answers for Prometheus outside the hot path: a request leaves a reference, and a batch of them is counted."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from overrides.core.engine.definitions.levers import LEVERS
from overrides.serving.decisions.decision_record import Decided
from telemetry.foundation import metrics
from telemetry.foundation.counted_later import CountedLater

RESOLVE = "resolve"
DRY = "dry"  # the route of answers that nobody acts by: no exposure is served by them
FOLD_AT = 256  # answers; counting that many takes about .3 ms

SCALING = {name: lever for name, lever in LEVERS.items() if lever.scales_on}


@dataclass
class _Counted:
    """The answers of one module and route in a batch."""

    reasons: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    matches: list[float] = field(default_factory=list)
    exclusions: list[float] = field(default_factory=list)
    exposure: list[float] = field(default_factory=list)
    without_position: int = 0


def note_answers(answers: Sequence[Decided], route: str = RESOLVE) -> None:
    """Keep answers to be counted."""
    _PENDING.note((route, each) for each in answers)


def count_answers() -> None:
    """Count every answer noted so far."""
    _PENDING.count()


def _count(answers: Sequence[tuple[str, Decided]]) -> None:
    groups: defaultdict[tuple[str, str], _Counted] = defaultdict(_Counted)
    for route, decided in answers:
        _add(groups[decided.question.request.module, route], decided)
    for (module, route), counted in groups.items():
        _publish(counted, module, route)


def exposure_of(decided: Decided) -> float:
    """Return ln exposure of an answer as served, over the levers that scale the outcome; neutral levers give 0."""
    answer, category = decided.answer, decided.question.request.action_category
    moved = ((LEVERS[name], value) for name, value in answer.levers.items() if name in SCALING and value != 1.0)
    product = math.log(answer.coefficient_product)
    return product + sum(lever.exposure(category) * lever.unit(value) for lever, value in moved)


def _add(counted: _Counted, decided: Decided) -> None:
    answer = decided.answer
    combination = answer.combination
    counted.reasons[answer.reason] += 1
    counted.seconds.append(decided.latency_us * 1e-6)
    if combination is not None:
        excluded = len(combination.excluded)
        counted.matches.append(len(combination.contributions) + excluded)
        counted.exclusions.append(excluded)
    counted.exposure.append(exposure_of(decided))
    needs_position = decided.engine is not None and decided.engine.mode.needs_position
    counted.without_position += needs_position and combination is not None and decided.question.position_key is None


def _publish(counted: _Counted, module: str, route: str) -> None:
    for reason, count in counted.reasons.items():
        metrics.ANSWERS.labels(module, route, reason).inc(count)
    for histogram, values in (
        (metrics.ANSWER_SECONDS, counted.seconds),
        (metrics.ANSWER_MATCHES, counted.matches),
        (metrics.ANSWER_EXCLUSIONS, counted.exclusions),
    ):
        histogram.labels(module, route).observe_many(values)
    if route == DRY:
        return
    if counted.without_position:
        metrics.WITHOUT_POSITION.labels(module).inc(counted.without_position)
    metrics.EXPOSURE_RAISED.labels(module).inc(sum(each for each in counted.exposure if each > 0))
    metrics.EXPOSURE_LOWERED.labels(module).inc(-sum(each for each in counted.exposure if each < 0))


_PENDING = CountedLater(_count, at=FOLD_AT, what="answers")
