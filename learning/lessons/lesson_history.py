"""The history of lessons: a row for each run that changed them."""

from __future__ import annotations

from datetime import UTC, date, datetime

from django.db.models import Exists, OuterRef, Subquery

from learning.models import BuilderRun, Lesson, LessonHistory
from overrides.models import Override

TRACKED_FIELDS = ("status", "edge_raw", "n", "weight", "half_life_days", "targets")


def record_history(run: BuilderRun) -> int:
    """Store the state of a run's lessons where it differs from their last stored state; return the number of rows.

    A later state of the same UTC day replaces an earlier one with the same status, unless an override was stored with
    its evidence: hourly runs leave one row a day, no withdrawal or return is lost, and the evidence of what was
    published can be compared with the run it came from (`learning.validation.published_evidence`). Of lessons that are
    too light to act, which are the majority, only the change of status is stored.
    """
    newest = LessonHistory.objects.filter(lesson=OuterRef("pk")).order_by("-at", "-id").values("pk")[:1]
    lessons = list(Lesson.objects.filter(run=run).annotate(newest=Subquery(newest)).order_by("pk"))
    before = LessonHistory.objects.in_bulk([lesson.newest for lesson in lessons if lesson.newest is not None])
    said, replaced = [], []
    for lesson in lessons:
        now, last = _history_row(lesson, run), before.get(lesson.newest)
        if last is not None and _is_unchanged(last, now):
            continue
        if last is not None and last.status == now.status and _day(last.at) == _day(run.as_of):
            replaced.append(last.pk)
        said.append(now)
    stored = Override.objects.filter(
        line_id=OuterRef("lesson__line_id"), n=OuterRef("n"), edge_raw=OuterRef("edge_raw")
    )
    LessonHistory.objects.filter(pk__in=replaced).exclude(Exists(stored)).delete()
    return len(LessonHistory.objects.bulk_create(said, batch_size=2000))


def _history_row(lesson: Lesson, run: BuilderRun) -> LessonHistory:
    """Return the current state of a lesson as a history row."""
    return LessonHistory(
        lesson=lesson,
        run=run,
        at=run.as_of,
        status=lesson.status,
        edge_raw=lesson.edge_raw,
        n=lesson.stats["n"],
        weight=lesson.weight,
        half_life_days=lesson.stats["half_life_days"],
        targets=lesson.targets,
    )


def _is_unchanged(last: LessonHistory, now: LessonHistory) -> bool:
    """Return whether two states count as equal."""
    if last.status == now.status == Lesson.Status.TOO_LIGHT:
        return True
    return all(getattr(last, name) == getattr(now, name) for name in TRACKED_FIELDS)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
