"""Lessons as values, before they become rows: what a policy's search hands to the writing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from learning.core.cells.baseline import Baseline
from learning.core.cells.cell_history import Weeks
from learning.core.cells.rows import Floats
from learning.core.significance.tested_cells import TestedCells
from learning.readers.group_columns import PatternGroup
from overrides.core.engine.definitions.content_hash import line_id
from overrides.core.engine.definitions.override_stats import Stats
from overrides.core.engine.definitions.vocabulary import Channel, LearningMethod

LEARNED_CHANNELS: Mapping[str, Channel] = {"dm": Channel.DM_ALLOC, "pm": Channel.PM_STRENGTH}


@dataclass(frozen=True)
class CandidateLesson:
    """One lesson.

    facts       what its policy knows beside the five of `stats`; stored with them
    weight      between 0 and 1: under policy plan w_total when fresh, under evidence how sure it is of its sign
    targets     lever target -> value, named as lessons name them
    weeks       its weekly means, where it acts
    week_edges  (weeks,) the edge of each, where it is not the mean less the baseline
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
        """The line an override of it would have."""
        group = self.group
        return line_id(group.module, self.channel, self.policy, group.pattern_key, group.action_category, self.scope)


@dataclass(frozen=True)
class SearchResult:
    """What one run of a policy found, and out of how much.

    baselines     action_category -> mean outcome that edges are measured from
    n_cells       cells looked at
    n_candidates  of them, those that passed the policy's first test; under evidence, the overrides they fold into
    tested        all that could have become a lesson
    """

    baselines: Mapping[str, Baseline]
    n_cells: int
    n_candidates: int
    found: Sequence[CandidateLesson]
    code_version: str
    tested: TestedCells | None = None
