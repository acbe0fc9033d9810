"""Candidate lessons as values: the result of a builder run before it is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from learning.core.cells.baseline import Baseline
from learning.core.cells.cell_history import Weeks
from learning.core.cells.rows import Floats
from learning.core.significance.tested_cells import TestedCells
from learning.core.significance.twin_gate import TwinCounts
from learning.models import MethodStrength
from learning.readers.group_columns import PatternGroup
from overrides.core.engine.definitions.content_hash import line_id
from overrides.core.engine.definitions.override_stats import Stats
from overrides.core.engine.definitions.vocabulary import Channel, LearningMethod

LEARNED_CHANNELS: Mapping[str, Channel] = {"dm": Channel.DM_ALLOC, "pm": Channel.PM_STRENGTH}


@dataclass(frozen=True)
class CandidateLesson:
    """One lesson.

    facts       further results of its learning method, stored with the five numbers of `stats`
    weight      from 0 to 1; plan method: w_total of a fresh lesson, evidence method: 1 - lfsr
    targets     lever target -> value, with the names that lessons use
    weeks       weekly means, if it acts
    week_edges  (weeks,) weekly edges, if they are not mean - baseline
    """

    group: PatternGroup
    channel: Channel
    policy: LearningMethod
    scope: Mapping[str, str]
    status: str
    stats: Stats
    baseline: float
    weight: float
    facts: Mapping[str, Any] = field(default_factory=dict)
    targets: Mapping[str, float] = field(default_factory=dict)
    weeks: Weeks | None = None
    week_edges: Floats | None = None

    @property
    def line(self) -> str:
        """The line that an override of the lesson would have."""
        group = self.group
        return line_id(group.module, self.channel, self.policy, group.pattern_key, group.action_category, self.scope)


@dataclass(frozen=True)
class SearchResult:
    """The result of one run of a learning method.

    baselines     action_category -> mean outcome from which edges are measured
    n_cells       number of cells examined
    n_candidates  number of those that passed the method's first test; evidence method: number of overrides
    tested        all cells that could have become lessons
    twins         counts in the noise twins of the run, if it verified anything
    strength      the strength that braked the run, if one was measured
    """

    baselines: Mapping[str, Baseline]
    n_cells: int
    n_candidates: int
    found: Sequence[CandidateLesson]
    code_version: str
    tested: TestedCells | None = None
    twins: TwinCounts | None = None
    strength: MethodStrength | None = None
