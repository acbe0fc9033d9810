"""Lessons of the evidence method on tuning levers: what the newest measurement of levers would propose.

A line acts where its lever is supported by its walk-forward and its weight suffices; otherwise it is stored as too
light to act, and says why. Where trades and windows tell of a lever, only lines of the source that decides count.
Levers that ask something of the same pattern, category and scope share one lesson, which claims no more than the
smallest of their gains.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from learning.core.tuning.lever_lines import LeverLine
from learning.core.walk_forward.lever_gain import LeverVerdict
from learning.lessons.candidates import CandidateLesson
from learning.lessons.lever_evidence import measured_levers, newest_lever_run
from learning.models import Lesson, LeverRun
from learning.readers.group_columns import PatternGroup, moment_from_microseconds
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_stats import Stats
from overrides.core.engine.definitions.vocabulary import Channel, LearningMethod

LIGHT = "too light"


def find_tuning_lessons(module: str, parameters: ModuleParameters, now: datetime) -> list[CandidateLesson]:
    """Return the lessons of the newest measurement known at `now`; none without one, or without lines."""
    run = newest_lever_run(module, now)
    return [] if run is None else list(_lessons(run, parameters))


def _lessons(run: LeverRun, parameters: ModuleParameters) -> Iterator[CandidateLesson]:
    levers = measured_levers(run)
    supported = {name for name, measured in levers.items() if measured.is_supported}
    shared: dict[tuple[str, str, frozenset[tuple[str, str]]], list[LeverLine]] = {}
    for line in (LeverLine.from_document(each) for each in run.lines or ()):
        if line.source is not levers[line.lever].decides:
            continue
        for category in line.categories or LEVERS[line.lever].categories:
            key = line.pattern_key, category, frozenset(line.scope.items())
            shared.setdefault(key, []).append(line)
    for (pattern_key, category, _), lines in shared.items():
        group = PatternGroup(run.module, pattern_key, category)
        acting = [line for line in lines if line.lever in supported and line.heavy]
        yield _lesson(group, acting or lines, bool(acting), supported, parameters)


def _lesson(
    group: PatternGroup,
    lines: Sequence[LeverLine],
    acts: bool,
    supported: Collection[str],
    parameters: ModuleParameters,
) -> CandidateLesson:
    """Return the lesson of lines that share pattern, category and scope."""
    weakest = min(lines, key=lambda line: line.gain)
    return CandidateLesson(
        group=group,
        channel=Channel.PM_TUNING,
        policy=LearningMethod.EVIDENCE,
        scope=weakest.scope,
        status=Lesson.Status.ACTIVE if acts else Lesson.Status.TOO_LIGHT,
        stats=Stats(
            edge_raw=weakest.gain,
            n=weakest.n,
            variance=weakest.variance,
            half_life_days=parameters.evidence.half_life_days,
            updated_at=moment_from_microseconds(weakest.closed_at),
        ),
        baseline=0.0,
        weight=1.0 - weakest.lfsr,
        facts={
            "raw": weakest.mean,
            "raw_se": math.sqrt(weakest.variance / weakest.n),
            "sd": weakest.sd,
            "lfsr": weakest.lfsr,
            "plan_weight": weakest.weight,
            "standing": _standing(lines, supported),
            "alternatives": {line.lever: _alternative(line) for line in lines},
        },
        targets={line.lever: line.target for line in lines},
    )


def _standing(lines: Sequence[LeverLine], supported: Collection[str]) -> str:
    """Return in a word what the lesson may do: act, or the first reason why not."""
    if any(line.lever in supported for line in lines):
        is_heavy = any(line.heavy for line in lines if line.lever in supported)
        return LeverVerdict.SUPPORTED.value if is_heavy else LIGHT
    return LeverVerdict.EVIDENCE_ONLY.value


def _alternative(line: LeverLine) -> dict[str, Any]:
    return {
        "alternative": line.alternative,
        "source": line.source.value,
        "gain": line.gain,
        "sd": line.sd,
        "lfsr": line.lfsr,
    }
