"""Noise twins of a module, computed in the background and kept: what the same pipeline finds where there is nothing.

A row per module, policy, parameters, facts and seed: asked again, the same row answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from learning.lessons.methods import METHODS
from learning.lessons.noise_twin import noise_twin
from learning.models import CellGroup, Lesson, NoiseTwin
from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.versions.load_version import current_parameters
from telemetry.foundation.background_results import BackgroundComputation, Progress
from telemetry.foundation.core.refusal import Refused

CODE = "twin 1"  # raise it with every change of what is counted
SEEDS = (1, 2, 3, 4, 5)
LARGEST_SEED, MOST_SEEDS = 2**31 - 1, 100
TASK = "learning.twin"
TAKEN_OVER_AFTER = timedelta(minutes=5)  # without a sign of life; one comes with every step
# Facts that cannot be fitted say what to do: an answer, not a fault.
TWINS = BackgroundComputation(
    NoiseTwin, TASK, TAKEN_OVER_AFTER, answers=ValueError, told=str, renewed=("asked_at", "found")
)


@transaction.atomic
def ask_twins(*, module: str, policy: LearningMethod, now: datetime, seeds: Sequence[int] = SEEDS) -> list[NoiseTwin]:
    """The rows, at once; a task is sent for each that is new, failed, or whose worker is gone."""
    return [TWINS.ask(*each, now=now) for each in _asked(module, policy, seeds, now)]


def count_twins(
    *,
    module: str,
    policy: LearningMethod,
    now: datetime,
    seeds: Sequence[int] = SEEDS,
    progress: Progress = lambda _: None,
) -> list[NoiseTwin]:
    """The rows, computed here where they are new. Raises Refused where the facts cannot be learned from."""
    rows = [TWINS.find(*each, now=now)[0] for each in _asked(module, policy, seeds, now)]
    for number, row in enumerate(rows, start=1):
        run_twin(row.key, now=now)
        row.refresh_from_db()
        if row.status != NoiseTwin.Status.DONE:
            raise Refused.because(row.error or "a worker is at it; ask again when it is done")
        progress(number / len(seeds))
    return rows


def run_twin(key: str, *, now: datetime) -> None:
    """Count the lessons of the row's twin. Progress shows at once, to everybody; of two workers one computes."""
    TWINS.run(key, _counted, now=now)


def _counted(row: NoiseTwin, progress: Progress) -> dict[str, Any]:
    def tell(done: int, of: int) -> None:
        progress(done / of if of else 1.0)

    policy = LearningMethod(row.policy)
    return {"count": noise_twin(module=row.module, policy=policy, seed=row.seed, now=row.as_of, progress=tell)}


def found_by(module: str, policy: LearningMethod) -> QuerySet[Lesson]:
    """The lessons that compare with what a twin counts (see `Method.count_in_noise`)."""
    acting = Lesson.objects.filter(module=module, policy=policy, status=Lesson.Status.ACTIVE)
    return METHODS[policy].comparable(acting, module)


def _asked(
    module: str, policy: LearningMethod, seeds: Sequence[int], now: datetime
) -> list[tuple[str, dict[str, Any]]]:
    """The key and the fields of each seed's row."""
    if not 1 <= len(seeds) <= MOST_SEEDS or not all(0 <= seed <= LARGEST_SEED for seed in seeds):
        raise Refused.because(f"give 1 to {MOST_SEEDS} seeds, each from 0 to {LARGEST_SEED}").under("seeds")
    content = _content(module, policy, now)
    found = found_by(module, policy).count()
    fields = {"content": content, "module": module, "policy": policy, "as_of": now, "found": found}
    return [(content_hash([content, seed]), fields | {"seed": seed}) for seed in dict.fromkeys(seeds)]


def _content(module: str, policy: LearningMethod, now: datetime) -> str:
    """What a twin depends on: every group as it was counted last, the parameters, and the day evidence ages by."""
    groups = CellGroup.objects.filter(module=module).order_by("pattern_key", "action_category")
    facts = [
        [key, category, n, at.isoformat()]
        for key, category, n, at in groups.values_list("pattern_key", "action_category", "n_outcomes", "aggregated_at")
    ]
    day = now.astimezone(UTC).date().isoformat() if METHODS[policy].ages else None
    return content_hash([CODE, module, policy, current_parameters(module).to_document(), facts, day])
