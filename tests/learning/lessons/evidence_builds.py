"""Runs of the evidence method, and all that they leave in the database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from learning.lessons.build import build_lessons
from learning.models import BuilderRun, EdgeHistory, Lesson
from overrides.core.engine.definitions.vocabulary import LearningMethod
from tests.builders import (
    NOW,
)

HOUR = timedelta(hours=1)


def build(at: datetime = NOW, module: str = "pm") -> BuilderRun:
    return build_lessons(module=module, policy=LearningMethod.EVIDENCE, now=at)


def rounded(value: Any) -> Any:
    """Round all numbers to nine digits; sums run in another order if trades have other ids."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def snapshot() -> list[dict[str, Any]]:
    fields = [field.name for field in Lesson._meta.concrete_fields if field.name not in ("id", "run", "first_run")]
    history = EdgeHistory.objects.order_by("lesson__line_id", "week")
    return [
        *Lesson.objects.order_by("line_id").values(*fields),
        *history.values("lesson__line_id", "week", "n", "mean", "edge_raw"),
    ]
