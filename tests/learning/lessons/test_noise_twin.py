"""Noise twins: what a run would find in outcomes that say nothing of their scope."""

from __future__ import annotations

import math
from typing import Any

import pytest

from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.noise_twin import noise_twin
from learning.models import BuilderRun, Lesson
from overrides.core.engine.definitions.vocabulary import LearningMethod
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    DAY,
    NOW,
    action_payload,
    make_trade,
    make_trades,
)
from tests.learning.lessons.evidence_builds import HOUR, build
from tests.learning.phases import OTHER, record_phases


@pytest.mark.django_db
class TestNoiseTwin:
    def test_finds_nothing_verified_in_outcomes_that_say_nothing_of_their_scope(self) -> None:
        record_phases()
        build()
        assert Lesson.objects.filter(stats__verified=True, n_dims__gt=0).exists()

        assert noise_twin(module="pm", policy=LearningMethod.EVIDENCE, seed=1, now=NOW) == 0

    def test_writes_nothing_and_tells_how_far_it_is(self) -> None:
        record_phases()
        steps: list[tuple[int, int]] = []

        for policy in LearningMethod:
            noise_twin(module="pm", policy=policy, seed=1, now=NOW, progress=lambda *step: steps.append(step))

        assert steps == [(0, 2), (1, 2), (2, 2)] * 2
        assert not Lesson.objects.exists()
        assert not BuilderRun.objects.exists()


def twins_of(run: BuilderRun) -> dict[str, Any]:
    assert run.twins is not None
    found: dict[str, Any] = run.twins
    return found


@pytest.mark.django_db
class TestTwinsOfARun:
    def test_are_counted_where_something_is_verified_and_stored_with_the_run(self) -> None:
        record_phases()

        run = build()

        found = Lesson.objects.filter(stats__verified=True, n_dims__gt=0).count()
        assert twins_of(run)["found"] == found > 0
        assert twins_of(run)["weeks"] == twins_of(run)["shifts"] == [0] * 5

    def test_are_not_counted_where_nothing_is(self) -> None:
        record_trades(make_trades([1.0, -1.0] * 30, scope={"macro_phase": "Good"}), now=NOW)

        assert build().twins is None

    def test_are_counted_again_only_when_what_is_verified_has_changed(self) -> None:
        record_phases()
        first = build()
        BuilderRun.objects.filter(pk=first.pk).update(twins=twins_of(first) | {"weeks": [0, 0, 0, 0, 1]})

        same = build(NOW + HOUR)
        record_phases(at=NOW + HOUR, seed=2, prefix="other", pattern_key=OTHER)
        changed = build(NOW + 2 * HOUR)

        assert twins_of(same)["weeks"] == [0, 0, 0, 0, 1]
        assert twins_of(changed)["weeks"] == [0] * 5
        assert twins_of(changed)["of"] != twins_of(first)["of"]

    def test_that_find_as_much_leave_nothing_verified(self) -> None:
        """A phase that changes every day, with the sign of what it earns: shifted by any days, it says the same."""
        for phase, (sign, first) in {"Good": (1, 0), "Dip": (-1, 1)}.items():
            for number in range(160):
                at = NOW - DAY * (2 + 2 * (number // 4) + first)
                action = action_payload(scope={"macro_phase": phase}, at=at.isoformat())
                times = {"opened_at": at.isoformat(), "closed_at": (at + HOUR).isoformat()}
                rr = sign + 0.5 * (number % 5 - 2)
                record_trades([make_trade(f"{phase}{number}", rr=rr, actions=[action], **times)], now=NOW)
        aggregate_dirty(now=NOW)

        run = build()

        assert twins_of(run)["found"] > 0
        assert max(twins_of(run)["shifts"]) >= twins_of(run)["found"]
        lessons = list(Lesson.objects.all())
        assert lessons
        assert not any(lesson.stats["verified"] for lesson in lessons)
        assert all(abs(math.log(lesson.targets["size_mult"])) <= math.log(1.02) + 1e-9 for lesson in lessons)
