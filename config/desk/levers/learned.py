"""What was learned about a lever: the lessons that aim at it, where learning is installed."""

from __future__ import annotations

from config.desk.levers.section import Asked, Section
from config.learner import LEARNS


def section(asked: Asked) -> Section:
    """Show how many lessons have a target of the lever, or that learning is switched off."""
    shown = {"learns": LEARNS, "counts": _counts(asked.lever.name) if LEARNS else []}
    return Section("learned", "What was learned", "desk/levers/learned.html", shown)


def _counts(lever: str) -> list[tuple[str, str, int]]:
    """Return learning method, status in words and number of the lessons with a target of the lever."""
    from django.db.models import Count

    from learning.core.lesson_levers import LESSON_NAMES
    from learning.models import Lesson

    with_target = Lesson.objects.filter(targets__has_key=LESSON_NAMES.get(lever, lever))
    counted = with_target.values_list("policy", "status").annotate(Count("pk")).order_by("policy", "status")
    return [(method, Lesson.Status(status).label.lower(), count) for method, status, count in counted]
