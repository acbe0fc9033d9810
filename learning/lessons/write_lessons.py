"""Store the result of a search: the run, its lessons and their weekly edges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np

from learning.core.cells.rows import LARGEST
from learning.lessons.candidates import CandidateLesson, SearchResult
from learning.lessons.lesson_history import record_history
from learning.models import BuilderRun, EdgeHistory, Lesson
from learning.readers.group_columns import moment_from_microseconds
from learning.readers.one_universe import count_left_out
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import LearningMethod
from telemetry.foundation.bulk_copy import copy_rows


def write_run(
    *,
    module: str,
    policy: LearningMethod,
    parameters: ModuleParameters,
    inputs: str,
    search: SearchResult,
    now: datetime,
) -> BuilderRun:
    """Store a run and its lessons; the method's lessons that were not found again are withdrawn.

    Tested cells are kept for the newest run only, because those of every hour would outgrow the facts.
    """
    lines = {each.line: each for each in search.found}
    gone = Lesson.objects.filter(module=module, policy=policy).exclude(line_id__in=list(lines))
    gone = gone.exclude(status=Lesson.Status.WITHDRAWN)
    BuilderRun.objects.filter(module=module, policy=policy).exclude(tested=None).update(tested=None)
    run = BuilderRun.objects.create(
        module=module,
        policy=policy,
        as_of=now,
        parameters=parameters.to_document(),
        baseline={category: {"n": b.n, "mean": b.mean} for category, b in search.baselines.items()},
        n_cells=search.n_cells,
        n_candidates=search.n_candidates,
        n_active=sum(each.status == Lesson.Status.ACTIVE for each in search.found),
        n_withdrawn=gone.count(),
        n_other_universe=count_left_out(module, parameters.learned_from, now),
        code_version=search.code_version,
        tested=None if search.tested is None else search.tested.to_document(),
        twins=None if search.twins is None else search.twins.to_document(),
        strength=search.strength,
        inputs=inputs,
    )
    gone.update(status=Lesson.Status.WITHDRAWN, run=run)
    first_runs = dict(Lesson.objects.filter(line_id__in=list(lines)).values_list("line_id", "first_run_id"))
    rows = [_row(line, each, run, first_runs.get(line, run.pk)) for line, each in lines.items()]
    fields = [field.name for field in Lesson._meta.concrete_fields if field.name not in ("id", "line_id")]
    stored = Lesson.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["line_id"], update_fields=fields, batch_size=2000
    )
    _write_history(stored, lines)
    record_history(run)
    return run


def _row(line: str, found: CandidateLesson, run: BuilderRun, first_run: int) -> Lesson:
    return Lesson(
        line_id=line,
        type=found.channel,
        policy=found.policy,
        module=found.group.module,
        pattern_key=found.group.pattern_key,
        action_category=found.group.action_category,
        scope=dict(found.scope),
        n_dims=len(found.scope),
        status=found.status,
        stats=found.stats.to_document() | {"baseline": found.baseline, **found.facts},
        edge_raw=found.stats.edge_raw,
        weight=found.weight,
        targets=dict(found.targets),
        first_run_id=first_run,
        run=run,
    )


def _write_history(stored: Sequence[Lesson], lines: Mapping[str, CandidateLesson]) -> None:
    """Rewrite the weekly edges of acting lessons, which are recomputed from the facts."""
    EdgeHistory.objects.filter(lesson__in=stored).delete()
    copy_rows(
        EdgeHistory,
        ("lesson_id", "week", "n", "mean", "edge_raw"),
        (
            (lesson.pk, moment_from_microseconds(started_at).date(), n, mean, edge)
            for lesson in stored
            for started_at, n, mean, edge in _weekly(lines[lesson.line_id])
        ),
    )


def _weekly(found: CandidateLesson) -> Iterator[tuple[int, int, float, float]]:
    """Yield the weeks of a lesson: start, n, mean and edge."""
    if found.weeks is not None:
        weeks = found.weeks
        edges = weeks.mean - found.baseline if found.week_edges is None else found.week_edges
        edges = np.clip(edges, -LARGEST, LARGEST)  # limited as in `stats_of`
        yield from zip(*(each.tolist() for each in (weeks.started_at, weeks.n, weeks.mean, edges)), strict=True)
