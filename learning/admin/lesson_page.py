"""The further content of a lesson's page: edge decay, history, and counterfactual tuning."""

from __future__ import annotations

import math
from typing import Any

from django.http import StreamingHttpResponse

from learning.admin.lesson_estimates import sequence_of, variance_per_trade
from learning.charts.confidence_sequence import FULL, EdgeSequence, Weeks, sequence_rows
from learning.charts.half_life import Fade, fade, fade_rows
from learning.charts.lesson_history import history_rows, lesson_history_chart
from learning.lessons.lever_evidence import LeverEvidence, newest_levers
from learning.lessons.plan_targets import GRADED
from learning.models import Lesson, LessonHistory
from learning.validation.run_evidence import run_evidence
from overrides.core.engine.definitions.vocabulary import Channel, LearningMethod
from overrides.versions.load_version import current_parameters
from telemetry.foundation.core.csv_cells import csv_lines

SHOWN = 500  # newest changes drawn in the chart
LISTED = 20
WEEK_COLUMNS = ("week", "n", "edge_raw", "curve")
EDGE_COLUMNS = ("week", "n", "edge", "n_so_far", "mean", "low", "high")
HISTORY_COLUMNS = ("at", "status", "edge_raw", "n", "weight", "half_life_days", "targets")


def lesson_page(lesson: Lesson) -> dict[str, Any]:
    """Return what `learning/lessons/lesson.html` shows besides the fields."""
    history = list(lesson.history.order_by("-at", "-id")[:SHOWN])
    n_kept = len(history) if len(history) < SHOWN else lesson.history.count()
    in_force = current_parameters(lesson.module)
    parameters = in_force.lessons
    weeks = weeks_of(lesson)
    graded = GRADED.get(lesson.action_category)
    return {
        "lesson": lesson,
        "n": lesson.stats["n"],
        "sequence": lesson_sequence(lesson, weeks),
        "variance_per_trade": variance_per_trade(lesson.stats),
        "evidence": run_evidence(lesson.module, LearningMethod(lesson.policy), in_force),
        "half_life": _half_life(lesson),
        "weight_halves": math.log(2) * lesson.stats["half_life_days"],  # the weight falls by exp(-age / half-life)
        "fade": lesson_fade(lesson, weeks),
        "default": parameters.default_half_life_days,
        "track": lesson_history_chart(history[::-1], lesson.run.as_of),
        "newest": history[:LISTED],
        "n_kept": n_kept,
        "tuning": lesson.stats.get("tuning"),
        "graded_lever": None if graded is None else graded.lever,
        "standing": lesson.stats.get("standing"),
        "levers": levers_of_lesson(lesson),
        "cutoffs": parameters.counterfactual_cutoffs,
    }


def levers_of_lesson(lesson: Lesson) -> list[LeverEvidence]:
    """Return the newest evidence of each tuning lever that a lesson moves, by each source that tells of it."""
    found = newest_levers(lesson.module) if lesson.type == Channel.PM_TUNING else {}
    return [each for name in lesson.targets for each in found.get(name, ())]


def weeks_of(lesson: Lesson) -> Weeks:
    """Return the weekly edges of a lesson."""
    return [(each.week, each.n, each.edge_raw) for each in lesson.edge_history.all()]


def lesson_fade(lesson: Lesson, weeks: Weeks) -> Fade | None:
    """Return the chart of a lesson's edge decay."""
    return fade(weeks, lesson.stats["half_life_days"])


def lesson_sequence(lesson: Lesson, weeks: Weeks) -> EdgeSequence | None:
    """Return the chart of a lesson's confidence sequence."""
    return sequence_of(lesson, weeks, lesson.run.as_of, FULL)


def _half_life(lesson: Lesson) -> dict[str, Any]:
    """Return the stored fit; for a method that fits no half-life, the half-life in use."""
    fit: dict[str, Any] = lesson.stats.get("half_life") or {"shrunk": lesson.stats["half_life_days"]}
    return fit


def edge_csv(lesson: Lesson) -> StreamingHttpResponse:
    """Return the confidence sequence of a lesson as CSV."""
    picture = lesson_sequence(lesson, weeks_of(lesson))
    return _csv(f"edge-of-lesson-{lesson.pk}", EDGE_COLUMNS, [] if picture is None else sequence_rows(picture))


def weeks_csv(lesson: Lesson) -> StreamingHttpResponse:
    """Return the weekly edges of a lesson as CSV."""
    picture = lesson_fade(lesson, weeks_of(lesson))
    return _csv(f"weeks-of-lesson-{lesson.pk}", WEEK_COLUMNS, [] if picture is None else fade_rows(picture))


def history_csv(lesson: Lesson) -> StreamingHttpResponse:
    """Return the history of a lesson as CSV."""
    history = LessonHistory.objects.filter(lesson=lesson).order_by("at", "id")
    return _csv(f"history-of-lesson-{lesson.pk}", HISTORY_COLUMNS, history_rows(list(history)))


def _csv(name: str, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(csv_lines(columns, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response
