"""What the system states at the end of the planted story, beside what was planted, and whether the two agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from config.demo.planted.stage import RECORDED_FIRST
from config.demo.planted.truth import FADE, PATTERNS
from learning.models import Lesson
from overrides.core.engine.definitions.vocabulary import LearningMethod
from telemetry.models import Attribution, Trade


@dataclass(frozen=True)
class Statement:
    """One truth, what the system states of it, and whether that is so."""

    name: str
    planted: str
    stated: str
    holds: bool


def statements() -> list[Statement]:
    """Return every statement, in the order of the story."""
    return [state() for state in STATEMENTS]


def _recorded() -> Statement:
    planted = sum(pattern.trades_a_day for pattern in PATTERNS)
    trades, attributed = Trade.objects.filter(is_current=True).count(), Attribution.objects.count()
    return Statement(
        "recorded",
        f"{planted} trades a day, recorded for {RECORDED_FIRST} weeks before the bot asks",
        f"{trades:,} trades, {attributed:,} of them attributed to decisions",
        attributed > 0,
    )


def _no_edge() -> Statement:
    lessons = Lesson.objects.filter(policy=LearningMethod.EVIDENCE, pattern_key=FADE, stats__verified=True)
    count = lessons.filter(status=Lesson.Status.ACTIVE).count()
    return Statement(
        "pattern without an edge",
        f"no dimension of {FADE} has an effect",
        f"{count} verified lessons",
        count == 0,
    )


STATEMENTS: tuple[Callable[[], Statement], ...] = (_recorded, _no_edge)
