"""The noise twin: the same pipeline on permuted outcomes, to check whether what was learned is real."""

from __future__ import annotations

from datetime import datetime

from learning.lessons.methods import METHODS
from learning.lessons.methods.method import Progress
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.versions.load_version import current_parameters


def noise_twin(
    *,
    module: str,
    now: datetime,
    seed: int,
    policy: LearningMethod = LearningMethod.PLAN,
    progress: Progress | None = None,
) -> int:
    """Return how many lessons the builder would find in a module's outcomes permuted within pattern and week.

    The method decides what counts, see `Method.count_in_noise`. Nothing is written. The same seed and facts give the
    same count. `progress` receives (completed steps, all steps).
    """
    tell = progress or (lambda done, total: None)
    return METHODS[policy].count_in_noise(module, current_parameters(module), now, seed, tell)
