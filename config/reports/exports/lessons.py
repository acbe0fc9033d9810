"""Export of lessons with their statistics and targets."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction

from config.reports.exports.selection import CHUNK, Document, Selection
from learning.core.lesson_levers import LESSON_NAMES
from learning.models import Lesson
from overrides.core.engine.definitions.levers import LEVERS
from telemetry.foundation.core.canonical_json import utc_text

LESSON_FIELDS = (
    "line_id", "type", "policy", "module", "pattern_key", "action_category", "scope", "n_dims", "status", "weight",
)  # fmt: skip
LESSON_STATS = (
    "edge_raw", "n", "variance", "half_life_days", "updated_at", "baseline", "incremental_edge", "updates",
)  # fmt: skip
LESSON_COLUMNS = (
    *LESSON_FIELDS,
    "as_of",
    *(f"stats.{name}" for name in LESSON_STATS),
    *(f"targets.{LESSON_NAMES.get(name, name)}" for name in LEVERS),
)


def lessons(selection: Selection) -> Iterator[Document]:
    """Yield lessons by pattern, action and line; the period applies to their latest builder run."""
    rows = selection.between(Lesson.objects.select_related("run"), "run__as_of")
    if selection.module is not None:
        rows = rows.filter(module=selection.module)
    with transaction.atomic():
        for lesson in rows.order_by("module", "pattern_key", "action_category", "line_id").iterator(CHUNK):
            fields = {name: getattr(lesson, name) for name in LESSON_FIELDS}
            yield fields | {"as_of": utc_text(lesson.run.as_of), "stats": lesson.stats, "targets": lesson.targets}
