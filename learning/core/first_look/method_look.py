"""What one learning method makes of facts in memory: what it finds, what its twins find, and its walk-forward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from learning.core.significance.verdict import LESSON, VERIFIED, Verdict, Voices, WalkVoice, sentence_of, verdict_of
from learning.core.walk_forward.outcome_columns import Trades
from learning.core.walk_forward.walk import bounds_of, figures, sizing_method, walk
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import Combiner, LearningMethod

FOLDS = 8
MOST_LINES = 20
COUNTED: Mapping[LearningMethod, str] = {LearningMethod.PLAN: LESSON, LearningMethod.EVIDENCE: VERIFIED}


@dataclass(frozen=True)
class Line:
    """One lesson that a build would store, all numbers in R.

    - `raw`, `raw_se`: the edge of its own trades and its standard error.
    - `edge`, `sd`: the edge as the method estimates it, with its uncertainty; None where the method does not shrink.
    - `certainty`: the probability that the sign is right, .5 to 1; None where the method has none.
    - `is_counted`: whether it is of the kind that the twins count.
    """

    pattern_key: str
    action_category: str
    scope: Mapping[str, str]
    n: int
    raw: float
    raw_se: float
    edge: float | None = None
    sd: float | None = None
    certainty: float | None = None
    is_counted: bool = True


@dataclass(frozen=True)
class MethodLook:
    """What a method finds.

    - `tested`: cells or overrides that were looked at; `acting`: those that would act.
    - `found`: those of the kind that twins count; `weeks` and `shifts`: the counts in both kinds of twins.
    - `walk`: the figures of the walk-forward run; empty where nothing could be decided.
    - `strengths`: how much of what was believed came true, by categories learned together, for a method that is braked.
    - `problem`: why the method could not learn from these facts; everything else is empty then.
    """

    method: LearningMethod
    tested: int = 0
    acting: int = 0
    found: int = 0
    weeks: tuple[int, ...] = ()
    shifts: tuple[int, ...] = ()
    walk: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()
    strengths: Mapping[str, float | None] = field(default_factory=dict)
    problem: str = ""

    @cached_property
    def voices(self) -> Voices:
        """What the pages' verdict hears."""
        uplift = self.walk.get("uplift")
        voice = None if uplift is None else WalkVoice(uplift["mean"], uplift["low"], uplift["high"])
        return Voices(self.found, self.weeks + self.shifts, voice, self.tested, COUNTED[self.method])

    @property
    def verdict(self) -> Verdict:
        """Edge, noise, or neither."""
        return verdict_of(self.voices)

    @property
    def sentence(self) -> str:
        """The verdict with what each voice says."""
        return self.problem or sentence_of(self.voices)


def walked(trades: Trades, method: LearningMethod, combiner: Combiner, parameters: ModuleParameters) -> dict[str, Any]:
    """Return the figures of a walk-forward run. Raises ValueError as the method does."""
    sizing = sizing_method(method, combiner, parameters)
    result = walk(trades, sizing, folds=FOLDS, protected=parameters.protected_motifs)
    return figures(result, *bounds_of(parameters))


def strongest(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Return the first lines to show: those that count first, in the order given."""
    return tuple(sorted(lines, key=lambda each: not each.is_counted)[:MOST_LINES])
