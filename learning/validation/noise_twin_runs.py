"""Noise twins of a module, computed in the background and stored.

There is one row for each module, method, parameters, facts and seed; an equal request returns the same row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from learning.core.significance.twin_gate import SEEDS
from learning.lessons.methods import METHODS
from learning.lessons.noise_twin import noise_twin
from learning.lessons.run_strength import newest_strength
from learning.models import CellGroup, Lesson, NoiseTwin
from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.versions.load_version import current_parameters
from telemetry.foundation.background_results import BackgroundComputation, Progress
from telemetry.foundation.core.refusal import Refused

CODE = "twin 3"  # increment it with every change of what is counted
LARGEST_SEED, MOST_SEEDS = 2**31 - 1, 100
TASK = "learning.twin"
TAKEN_OVER_AFTER = timedelta(minutes=5)  # without a heartbeat; there is one for every step
# If facts cannot be fitted, the message says what to do: a result, not an error.
TWINS = BackgroundComputation(
    NoiseTwin, TASK, TAKEN_OVER_AFTER, expected_errors=ValueError, error_text=str, refreshed=("asked_at", "found")
)


@transaction.atomic
def request_twins(
    *, module: str, policy: LearningMethod, now: datetime, seeds: Sequence[int] = SEEDS
) -> list[NoiseTwin]:
    """Return the rows at once; a task is sent for each that is new, failed or abandoned by its worker."""
    return [TWINS.request(*each, now=now) for each in _requested_rows(module, policy, seeds, now)]


def count_twins(
    *,
    module: str,
    policy: LearningMethod,
    now: datetime,
    seeds: Sequence[int] = SEEDS,
    progress: Progress = lambda _: None,
) -> list[NoiseTwin]:
    """Return the rows, computing new ones here. Raises Refused if the facts cannot be learned from."""
    rows = [TWINS.find_or_create(*each, now=now)[0] for each in _requested_rows(module, policy, seeds, now)]
    for number, row in enumerate(rows, start=1):
        run_twin(row.key, now=now)
        row.refresh_from_db()
        if row.status != NoiseTwin.Status.DONE:
            raise Refused.because(row.error or "a worker is at it; ask again when it is done")
        progress(number / len(seeds))
    return rows


def run_twin(key: str, *, now: datetime) -> None:
    """Count the lessons of a twin, with visible progress; if two workers try, only one computes."""
    TWINS.run(key, _count, now=now)


def _count(row: NoiseTwin, progress: Progress) -> dict[str, Any]:
    """Return the count of a row's twin."""

    def tell(done: int, of: int) -> None:
        progress(done / of if of else 1.0)

    policy = LearningMethod(row.policy)
    return {"count": noise_twin(module=row.module, policy=policy, seed=row.seed, now=row.as_of, progress=tell)}


def comparable_lessons(module: str, policy: LearningMethod) -> QuerySet[Lesson]:
    """Return the real lessons that are comparable with a twin's count (see `Method.comparable`)."""
    acting = Lesson.objects.filter(module=module, policy=policy, status=Lesson.Status.ACTIVE)
    return METHODS[policy].comparable(acting, module)


def _requested_rows(
    module: str, policy: LearningMethod, seeds: Sequence[int], now: datetime
) -> list[tuple[str, dict[str, Any]]]:
    """Return the key and the fields of each seed's row."""
    if not 1 <= len(seeds) <= MOST_SEEDS or not all(0 <= seed <= LARGEST_SEED for seed in seeds):
        raise Refused.because(f"give 1 to {MOST_SEEDS} seeds, each from 0 to {LARGEST_SEED}").under("seeds")
    content = _content(module, policy, now)
    found = comparable_lessons(module, policy).count()
    fields = {"content": content, "module": module, "policy": policy, "as_of": now, "found": found}
    return [(content_hash([content, seed]), fields | {"seed": seed}) for seed in dict.fromkeys(seeds)]


def _content(module: str, policy: LearningMethod, now: datetime) -> str:
    """Return a hash of what a twin depends on: groups, parameters, strength, and the day by which evidence ages."""
    groups = CellGroup.objects.filter(module=module).order_by("pattern_key", "action_category")
    facts = [
        [key, category, n, at.isoformat()]
        for key, category, n, at in groups.values_list("pattern_key", "action_category", "n_outcomes", "aggregated_at")
    ]
    day = now.astimezone(UTC).date().isoformat() if METHODS[policy].ages else None
    strength = newest_strength(module, policy, now) if METHODS[policy].braked else None
    of = None if strength is None else strength.key
    return content_hash([CODE, module, policy, current_parameters(module).to_document(), facts, day, of])
