"""The evidence method: one fit to all outcomes, shrunk by a mixture; lessons are verified if their sign is sure."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, QuerySet
from django.db.models.functions import Abs, NullIf

from learning.lessons.build_evidence import BUILDER, count_verified, find_evidence_lessons
from learning.lessons.methods.method import BY_EDGE, BY_TRADES, Method, Order, Progress, stat
from learning.lessons.run_strength import brakes_of, newest_strength
from learning.lessons.run_twins import within_weeks
from learning.models import Lesson
from learning.readers.observations import load_observations
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import LearningMethod


def count_in_noise(module: str, parameters: ModuleParameters, now: datetime, seed: int, tell: Progress) -> int:
    """Count the verified lessons that act and have a scope, braked as the newest run would be.

    The permutation preserves the mean of a pattern, and lessons that are not verified stay close to neutral.
    """
    tell(0, 2)
    loaded = load_observations(module, parameters.learned_from, now)
    tell(1, 2)
    brakes = brakes_of(newest_strength(module, LearningMethod.EVIDENCE, now), module)
    found = count_verified(within_weeks(loaded, seed), module, parameters, now, brakes)
    tell(2, 2)
    return found


def comparable(acting: QuerySet[Lesson], module: str) -> QuerySet[Lesson]:
    """Return the verified lessons that have a scope."""
    return acting.filter(stats__verified=True, n_dims__gt=0)


def walk_combiner(parameters: ModuleParameters) -> None:
    """Return None: one combiner serves the method."""
    return None


EVIDENCE = Method(
    name=LearningMethod.EVIDENCE,
    search=find_evidence_lessons,
    count_in_noise=count_in_noise,
    comparable=comparable,
    walk_combiner=walk_combiner,
    builder=BUILDER,
    orders=(
        Order("rank", "rank", (stat("rank").asc(nulls_last=True),)),
        Order("lfsr", "sureness", ("-weight",)),
        BY_TRADES,
        BY_EDGE,
        Order("exaggeration", "exaggeration", (Abs(stat("raw") / NullIf(F("edge_raw"), 0.0)).desc(nulls_last=True),)),
    ),
    ages=True,
    verifies=True,
    refits=True,
    braked=True,
)
