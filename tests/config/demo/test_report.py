from __future__ import annotations

import pytest

from config.demo.report import _heaviest, _movements
from learning.models import Lesson
from overrides.models import Version
from tests.builders import make_lesson, make_spec, publish

pytestmark = pytest.mark.django_db


class TestHeaviestLessons:
    def test_name_a_scope_once_though_two_channels_learn_of_it(self) -> None:
        strength = make_lesson(weight=0.9)
        make_lesson({"entry_delay_bars": 1.0}, weight=0.8, type="pm_tuning")
        other = make_lesson(weight=0.1, pattern_key="rsi.long.dip")

        assert _heaviest(Lesson.objects.all(), 3) == [strength, other]
        assert _heaviest(Lesson.objects.all(), 1) == [strength]


class TestMovements:
    def test_measure_multipliers_and_no_delays_in_bars(self) -> None:
        publish(
            make_spec({"size_mult": 1.05}),
            make_spec({"entry_delay_bars": 2.0}, type="pm_tuning"),
        )
        version = Version.objects.select_related("parameters").get(is_active=True)

        _, farthest = _movements(version, version.parameters.parsed.lessons)

        assert farthest == pytest.approx(0.05)
