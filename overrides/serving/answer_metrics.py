"""Count answers for Prometheus outside the hot path: a request leaves a reference, and a batch of them is counted."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from overrides.core.engine.definitions.levers import LEVERS
from overrides.serving.decisions.decision_record import Decided
from telemetry.foundation import metrics
from telemetry.foundation.counted_later import CountedLater

RESOLVE = "resolve"
DRY = "dry"  # the route of answers that nobody acts by: no exposure is served by them
FOLD_AT = 256  # answers; counting that many takes about .3 ms

SCALING = {name: lever for name, lever in LEVERS.items() if lever.scales_on}


def note_answers(answers: Sequence[Decided], route: str = RESOLVE) -> None:
    """Keep answers to be counted."""
    _PENDING.note((route, each) for each in answers)


def count_answers() -> None:
    """Count every answer noted so far."""
    _PENDING.count()


def _count(answers: Sequence[tuple[str, Decided]]) -> None:
    groups: defaultdict[tuple[str, str], list[Decided]] = defaultdict(list)
    for route, decided in answers:
        groups[decided.question.request.module, route].append(decided)
    for (module, route), found in groups.items():
        _publish(found, module, route)


def exposure_of(decided: Decided) -> float:
    """Return ln exposure of an answer as served, over the levers that scale the outcome; neutral levers give 0."""
    answer, category = decided.answer, decided.question.request.action_category
    exposure = math.log(answer.coefficient_product)
    for name, lever in SCALING.items():
        value = answer.levers.get(name, 1.0)
        if value != 1.0:
            exposure += lever.exposure(category) * lever.unit(value)
    return exposure


def _publish(found: Sequence[Decided], module: str, route: str) -> None:
    for reason, count in Counter([each.answer.reason for each in found]).items():
        metrics.ANSWERS.labels(module, route, reason).inc(count)
    combined = [combination for each in found if (combination := each.answer.combination) is not None]
    exclusions = [len(each.excluded) for each in combined]
    for histogram, values in (
        (metrics.ANSWER_SECONDS, [each.latency_us * 1e-6 for each in found]),
        (metrics.ANSWER_MATCHES, [len(each.contributions) + n for each, n in zip(combined, exclusions, strict=True)]),
        (metrics.ANSWER_EXCLUSIONS, exclusions),
    ):
        histogram.labels(module, route).observe_many(values)
    if route == DRY:
        return
    if without_position := sum(map(_lacks_position, found)):
        metrics.WITHOUT_POSITION.labels(module).inc(without_position)
    exposure = list(map(exposure_of, found))
    metrics.EXPOSURE_RAISED.labels(module).inc(sum(each for each in exposure if each > 0))
    metrics.EXPOSURE_LOWERED.labels(module).inc(-sum(each for each in exposure if each < 0))


def _lacks_position(decided: Decided) -> bool:
    """Return whether an answer names no position although what its module runs needs one."""
    if decided.engine is None or decided.answer.combination is None:
        return False
    return decided.question.position_key is None and decided.engine.mode.needs_position


_PENDING = CountedLater(_count, at=FOLD_AT, what="answers")
