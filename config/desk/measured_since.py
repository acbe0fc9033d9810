"""What learning has measured of a request's lines since they were drafted: nothing where learning is switched off."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from config.learner import LEARNS
from learning.charts.confidence_sequence import THUMBNAIL, EdgeSequence
from learning.charts.forest import Estimate
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.core.governance.situation import Unready

if TYPE_CHECKING:
    from learning.admin.lesson_estimates import LearnedLine, RunWithLessons
    from learning.models import Lesson


def newest_run(parameters: ModuleParameters, method: LearningMethod, lines: list[str]) -> RunWithLessons | None:
    """Return the newest run of a method with its lessons of these lines; None if there is none."""
    if not LEARNS:
        return None
    from learning.admin.lesson_estimates import run_with_lessons

    return run_with_lessons(parameters, method, lines)


def lessons_by_line(lines: Iterable[str]) -> dict[str, Lesson]:
    """Return the lessons of these lines."""
    if not LEARNS:
        return {}
    from learning.models import Lesson

    return {each.line_id: each for each in Lesson.objects.filter(line_id__in=list(lines))}


def estimate_of_lesson(lesson: Lesson, parent: float | None = None) -> Estimate:
    """Return the estimate of a lesson, given the edge of its nearest parent."""
    from learning.admin.lesson_estimates import estimate_of

    return estimate_of(lesson, parent)


def edge_by_week(known: LearnedLine, run: RunWithLessons) -> EdgeSequence | None:
    """Return the growth of a lesson's edge, small enough for a table."""
    from learning.admin.lesson_estimates import sequence_of

    return sequence_of(known.lesson, known.weeks, run.run.as_of, THUMBNAIL)


def unmeasured(module: str, method: LearningMethod, at: datetime) -> Unready | None:
    """Return why a channel must not change to a method where learning is switched off; the plan method may always be.

    Whether enough of what a method believed came true is measured by learning alone, so nothing shows that it is ready.
    """
    if method is LearningMethod.PLAN:
        return None
    message = f"how much of what method {method} believed in {module} came true is not measured without learning"
    return Unready(message, "switch learning on, and wait until its strength is measured")


def verifies(method: LearningMethod) -> bool:
    """Return whether a method verifies its lessons; without learning, only the evidence method is known to."""
    if not LEARNS:
        return method is LearningMethod.EVIDENCE
    from learning.lessons.methods import METHODS

    return METHODS[method].verifies
