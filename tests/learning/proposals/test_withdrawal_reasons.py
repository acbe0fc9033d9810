"""Why the materializer withdraws a line, as the request says it."""

from __future__ import annotations

from typing import Any

import pytest

from learning.models import Cell, CellGroup, Lesson
from learning.proposals.materialize import materialize
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.models import ChangeRequest
from tests.builders import HEAVY, KEY, NOW, make_lesson, make_spec, publish
from tests.learning.opinions import make_run

pytestmark = pytest.mark.django_db
SCOPE = {"macro_phase": "Good"}


def standing() -> OverrideSpec:
    """Put an override of a lesson into force."""
    spec = make_spec(scope=SCOPE, stats={"edge_raw": 0.8, "n": 40})
    publish(spec, source="lesson")
    make_run("plan", baseline={"entry": {"n": 100, "mean": 0.1}})
    return spec


def make_cell(n: int, mean: float) -> None:
    group = CellGroup.objects.create(
        module="pm", pattern_key=KEY, action_category="entry", cut={"dimensions": ["macro_phase"]}, n_outcomes=n,
        n_cells=1, aggregated_at=NOW,
    )  # fmt: skip
    Cell.objects.create(
        group=group, scope=SCOPE, n_dims=1, n=n, mean=mean, variance=1.0, first_closed_at=NOW, last_closed_at=NOW
    )


def lesson_of(spec: OverrideSpec, **over: Any) -> Lesson:
    lesson = make_lesson(scope=SCOPE, **over)
    assert lesson.line_id == spec.line
    return lesson


def reason() -> str:
    request = materialize(module="pm", now=NOW)
    assert request is not None
    (line,) = ChangeRequest.objects.get(pk=request.pk).evidence.get().parsed["lines"].values()
    assert line["action"] == "withdraw"
    found: str = line["reason"]
    return found


class TestReason:
    def test_is_that_no_lesson_stands_behind_it(self) -> None:
        standing()
        assert reason() == "no lesson stands behind it"

    def test_is_the_weight_of_a_lesson_too_light(self) -> None:
        lesson_of(standing(), status="too_light", weight=0.0045)
        assert reason() == "its weight fell to 0.0045, below the minimum of 0.02"

    def test_is_an_edge_that_changed_sign(self) -> None:
        stats = HEAVY | {"edge_raw": -0.3, "n": 40, "variance": 0.5, "baseline": 0.1}
        lesson_of(standing(), edge_raw=-0.3, targets={"size_mult": 1.05}, stats=stats)
        assert reason().startswith("its edge changed sign, from +0.800 R to \N{MINUS SIGN}0.300 R")

    def test_is_a_target_back_at_neutral(self) -> None:
        lesson_of(standing(), targets={"size_mult": 1.0})
        assert reason() == "its targets are back at neutral (edge +0.800 R)"

    @pytest.mark.parametrize(
        ("n", "mean", "expected"),
        [
            (40, 0.3, "its edge fell to +0.200 R over 40 trades, and a lesson needs 0.5 R"),
            (9, 0.9, "it rests on 9 trades, and a lesson needs 10"),
            (40, -0.9, "its edge changed sign: it is \N{MINUS SIGN}1.000 R over 40 trades now"),
            (40, 0.9, "its edge is +0.800 R over 40 trades, but a simpler scope explains it within 0.1 R"),
        ],
    )
    def test_is_the_condition_that_its_cell_fails_today(self, n: int, mean: float, expected: str) -> None:
        lesson_of(standing(), status="withdrawn")
        make_cell(n, mean)

        assert reason().startswith(expected)

    def test_is_too_few_trades_where_the_cell_is_gone(self) -> None:
        lesson_of(standing(), status="withdrawn")
        assert reason() == "its scope has fewer than the 10 trades that a lesson needs"

    def test_of_other_lines_is_not_made_up(self) -> None:
        lesson_of(standing())
        assert materialize(module="pm", now=NOW) is None
