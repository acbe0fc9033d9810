"""A first look in memory finds what the builds find once the same trades are recorded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from learning.core.first_look.columns import judged_of
from learning.core.first_look.look import first_look
from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_lessons
from learning.lessons.noise_twin import noise_twin
from learning.models import Lesson
from learning.validation.strength_runs import measure_strengths
from learning.validation.walk_forward_runs import walk_forward
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.versions.load_version import current_parameters
from telemetry.recording.record_trades import record_trades
from tests.builders import NOW
from tests.learning.core.first_look.builders import two_a_day

Key = tuple[str, str, tuple[tuple[str, str], ...]]


def built(method: LearningMethod) -> dict[Key, tuple[int, Any]]:
    """Return the acting lessons that a build stored: number of trades and edge."""
    acting = Lesson.objects.filter(policy=method, status=Lesson.Status.ACTIVE).exclude(type="pm_tuning")
    return {
        (each.pattern_key, each.action_category, tuple(sorted(each.scope.items()))): (
            each.stats["n"], pytest.approx(each.edge_raw, abs=1e-9)
        )
        for each in acting
    }  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("edge", [2.0, 0.0])
def test_a_first_look_finds_what_builds_find_in_the_same_trades(edge: float) -> None:
    trades = two_a_day(edge=edge)
    record_trades(trades, now=NOW)
    aggregate_dirty(now=NOW)
    plan, evidence = first_look(judged_of(trades, "pm"), current_parameters("pm")).methods
    as_of = max(each.closed_at for each in trades) + timedelta(seconds=1)
    measure_strengths(module="pm", methods=[LearningMethod.EVIDENCE], now=as_of)

    for method in LearningMethod:
        build_lessons(module="pm", policy=method, now=as_of)

    found = {
        each.method: {
            (line.pattern_key, line.action_category, tuple(sorted(line.scope.items()))): (
                line.n, line.raw if line.edge is None else line.edge
            )
            for line in each.lines if line.is_counted or each.method is LearningMethod.EVIDENCE
        }
        for each in (plan, evidence)
    }  # fmt: skip
    assert found[LearningMethod.PLAN] == built(LearningMethod.PLAN)
    assert found[LearningMethod.EVIDENCE].keys() == built(LearningMethod.EVIDENCE).keys()
    assert plan.weeks == tuple(noise_twin(module="pm", now=as_of, seed=seed) for seed in (1, 2, 3, 4, 5))
    walked = {each.policy: each for each in walk_forward(module="pm", now=as_of)}
    assert walked["evidence"].figures is not None
    assert evidence.walk["uplift"] == pytest.approx(walked["evidence"].figures["uplift"])
