"""A first look at one module: its outcomes in memory, and what each learning method makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from learning.core.cells.rows import Ints
from learning.core.first_look.by_evidence import look_by_evidence
from learning.core.first_look.by_plan import look_by_plan
from learning.core.first_look.columns import EPOCH, Judged, columns_of
from learning.core.first_look.method_look import MethodLook
from learning.core.significance.twin_gate import SEEDS
from learning.core.walk_forward.outcome_columns import Trades
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import LearningMethod

Progress = Callable[[float], None]
Look = Callable[[Trades, Ints, ModuleParameters, int, Sequence[int]], MethodLook]
LOOKS: Mapping[LearningMethod, Look] = {
    LearningMethod.PLAN: look_by_plan,
    LearningMethod.EVIDENCE: look_by_evidence,
}


@dataclass(frozen=True)
class FirstLook:
    """What both methods find in a module's outcomes, as if it were the moment at which the last of them was known.

    - `outcomes`: judged actions; `units`: what counts as one, a cluster of trades or a trade of its own.
    - `patterns`: pattern keys; `first`, `last`: the first and the last decision; None without outcomes.
    - `mean`, `sd`, `winners`: of the outcomes whose size decides the trade, in R, and the share above zero.
    """

    module: str
    outcomes: int
    units: int
    patterns: int
    first: datetime | None
    last: datetime | None
    as_of: datetime | None
    mean: float
    sd: float
    winners: float
    methods: tuple[MethodLook, ...]


def first_look(
    judged: Sequence[Judged],
    parameters: ModuleParameters,
    *,
    seed: int = 0,
    progress: Progress = lambda _: None,
) -> FirstLook:
    """Return the first look at a module's outcomes under the given parameters.

    The twins are those that builds count; another `seed` makes others. `progress` receives the completed fraction.
    """
    module = parameters.module
    trades = columns_of(judged, module, parameters.learned_dimensions)
    as_of = int(trades.known.max(initial=0)) + 1_000_000
    seeds = [seed + each for each in SEEDS]
    clusters = np.array([each.cluster for each in judged], dtype=np.int64)
    methods = []
    for number, method in enumerate(LOOKS):
        methods.append(_look(method, trades, clusters, parameters, as_of, seeds))
        progress((number + 1) / len(LOOKS))
    moments, decided = [each.at for each in judged], trades.decided().outcome
    decided = decided if len(decided) else np.zeros(1)
    return FirstLook(
        module=module,
        outcomes=len(judged),
        units=len({each.cluster for each in judged}),
        patterns=len(trades.patterns),
        first=min(moments, default=None),
        last=max(moments, default=None),
        as_of=EPOCH + timedelta(microseconds=as_of) if judged else None,
        mean=float(decided.mean()),
        sd=float(decided.std()),
        winners=float((decided > 0).mean()),
        methods=tuple(methods),
    )


def _look(
    method: LearningMethod,
    trades: Trades,
    clusters: Ints,
    parameters: ModuleParameters,
    as_of: int,
    seeds: Sequence[int],
) -> MethodLook:
    """Return what a method finds; a refusal of the facts, which says what to do, is its result."""
    try:
        return LOOKS[method](trades, clusters, parameters, as_of, seeds)
    except ValueError as refusal:
        return MethodLook(method, problem=str(refusal))
