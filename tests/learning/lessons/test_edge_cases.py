"""Extreme facts, from recording to lessons of the plan method: handled correctly or clearly refused.

Every stored number must be finite.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from learning.core.cells.cell_columns import CellBudgetExceeded
from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_lessons
from learning.models import BuilderRun, Cell, CellGroup, EdgeHistory, Lesson, LessonHistory
from learning.proposals.materialize import materialize
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from telemetry.core.trades import Trade as TradeValue
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import Outcome
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, NOW, make_trade, make_trades, publish

pytestmark = pytest.mark.django_db

GOOD, DIP = {"macro_phase": "Good"}, {"macro_phase": "Dip"}
EIGHTEEN = [f"dimension_{number}" for number in range(18)]


@pytest.fixture(autouse=True)
def every_number_is_one(db: None) -> Iterator[None]:
    yield
    for model in (Cell, Lesson, EdgeHistory, LessonHistory, BuilderRun):
        for row in model._default_manager.values():
            assert [name for name, value in numbers_in(row) if not math.isfinite(value)] == [], model


def numbers_in(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield every number of a document with its path."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from numbers_in(each, f"{name}.{key}")
    elif isinstance(value, list):
        for each in value:
            yield from numbers_in(each, name)
    elif isinstance(value, (int, float)):
        yield name, float(value)


def light(**lessons: Any) -> None:
    """Return parameters under which one dimension of eight is heavy enough, on both channels."""
    document = ModuleParameters.default("pm").to_document()
    for channel in document["channels"].values():
        channel["weights"]["min_total_weight"] = 0.0
    document["lessons"] |= lessons
    if "dimensions" in lessons:
        document["dimensions"] = lessons["dimensions"]
    publish(parameters=ModuleParameters.from_document("pm", document))


def learn(trades: Iterable[TradeValue]) -> BuilderRun:
    record_trades(list(trades), now=NOW)
    aggregate_dirty(now=NOW)
    run = build_lessons(module="pm", now=NOW)
    materialize(module="pm", now=NOW)
    return run


def lesson_contents() -> dict[str, Any]:
    """Return the content of every lesson, without times."""
    lessons = Lesson.objects.order_by("line_id")
    return {each.line_id: (each.status, each.stats, each.weight, each.targets) for each in lessons}


def test_constant_outcomes_have_no_edge() -> None:
    light()

    run = learn([*make_trades([0.7] * 30, scope=GOOD, prefix="g"), *make_trades([0.7] * 30, scope=DIP, prefix="d")])

    assert run.baseline == {"entry": {"n": 60, "mean": pytest.approx(0.7)}}
    assert max(Cell.objects.values_list("variance", flat=True)) < 1e-30
    assert Lesson.objects.count() == 0


def test_one_trade_teaches_nothing() -> None:
    light()

    run = learn([make_trade()])

    assert (run.baseline["entry"]["n"], run.n_candidates, Lesson.objects.count()) == (1, 0, 0)
    assert list(Cell.objects.values_list("scope", "n", "variance")) == [({}, 1, 0.0)]


def test_one_trade_is_refused_no_lesson_even_where_one_is_enough() -> None:
    """n_min 1 in each of two scopes: an edge without a variance is valid, and has no fitted half-life."""
    light(n_min=[1, 1, 1, 1])

    learn([*make_trades([3.0], scope=GOOD, prefix="g"), *make_trades([0.0], scope=DIP, prefix="d")])

    good = Lesson.objects.get(type="pm_strength", scope=GOOD)
    assert (good.stats["n"], good.stats["variance"], good.stats["half_life_days"]) == (1, 0.0, 90.0)


def test_among_nothing_but_wins_the_small_ones_are_losing_scopes() -> None:
    light()

    learn([*make_trades([3.0] * 30, scope=GOOD, prefix="g"), *make_trades([0.5] * 30, scope=DIP, prefix="d")])

    targets = {
        each.scope["macro_phase"]: each.targets["size_mult"] for each in Lesson.objects.filter(type="pm_strength")
    }
    assert targets["Dip"] < 1 < targets["Good"]


def test_what_is_recorded_twice_counts_once() -> None:
    light()
    trades = [*make_trades([2.0] * 20, scope=GOOD, prefix="g"), *make_trades([0.0] * 20, scope=DIP, prefix="d")]
    learn(trades)
    before = lesson_contents()

    learn(trades * 2)

    assert Outcome.objects.count() == 40
    assert lesson_contents() == before


def test_equal_trades_under_other_names_count_as_they_are() -> None:
    """Same scope, outcome and close: distinct trades, unless a cluster joins them."""
    light()
    together = {"opened_at": utc_text(NOW - 2 * DAY), "closed_at": utc_text(NOW - DAY), "rr": 2.0}

    learn([make_trade(f"same{number}", **together) for number in range(12)])

    assert Cell.objects.get(scope={}).n == 12
    record_trades([make_trade(f"one{number}", cluster_id="episode", **together) for number in range(12)], now=NOW)
    aggregate_dirty(now=NOW)
    assert Cell.objects.get(scope={}).n == 13


def test_eighteen_dimensions_are_refused_with_advice_and_taken_when_it_is_followed() -> None:
    """Sixty trades of one scope have 2^18 cells: more than a budget of 50,000, and nothing is half written."""
    scope = dict.fromkeys(EIGHTEEN, "x")
    light(dimensions=EIGHTEEN, cell_budget=50_000)
    record_trades(make_trades([1.0] * 60, scope=scope), now=NOW)

    with pytest.raises(CellBudgetExceeded, match=r"50,000 .*raise n_min, set max_subset_size or drop a dimension"):
        aggregate_dirty(now=NOW)
    assert Cell.objects.count() == 0

    light(dimensions=EIGHTEEN, cell_budget=50_000, max_subset_size=2)
    aggregate_dirty(now=NOW)
    assert Cell.objects.count() == 1 + 18 + 18 * 17 // 2


def test_a_dimension_of_five_thousand_values_costs_only_those_that_have_enough_trades() -> None:
    """A unique key used as a dimension: 5,000 values of one trade each, and one of twenty."""
    light(dimensions=["coin", "macro_phase"])
    coins = [make_trades([0.0], scope={"coin": f"c{number}"} | DIP, prefix=f"c{number} ")[0] for number in range(5000)]

    run = learn([*coins, *make_trades([2.0] * 20, scope={"coin": "one"} | GOOD, prefix="g")])

    assert run.n_cells == 5  # everything, Dip, Good, the one coin, and both
    assert {tuple(sorted(each.scope.items())) for each in Lesson.objects.filter(type="pm_strength")} == {
        (("coin", "one"),), (("macro_phase", "Good"),),
    }  # fmt: skip


def test_closes_out_of_order_teach_the_same() -> None:
    light()
    rng = np.random.default_rng(3)
    trades = [
        *make_trades((2.0 + rng.normal(size=60)).round(3).tolist(), scope=GOOD, prefix="g"),
        *make_trades(rng.normal(size=60).round(3).tolist(), scope=DIP, prefix="d"),
    ]
    learn(trades)
    before = lesson_contents()
    Lesson.objects.all().delete()
    Outcome.objects.all().delete()
    CellGroup.objects.all().delete()  # with the rows they were counted from: no fact is ever deleted otherwise

    for batch in np.array_split(rng.permutation(len(trades)), 5):
        record_trades([_renamed(trades[index]) for index in batch], now=NOW)
        aggregate_dirty(now=NOW)
    build_lessons(module="pm", now=NOW)

    assert lesson_contents().keys() == before.keys()
    for line, (status, stats, weight, targets) in lesson_contents().items():
        assert status == before[line][0]
        assert weight == pytest.approx(before[line][2], rel=1e-12)
        assert targets == pytest.approx(before[line][3], rel=1e-12)
        assert stats["half_life_days"] == pytest.approx(before[line][1]["half_life_days"], rel=1e-6)


def test_outcomes_as_large_as_may_be_recorded_are_numbers_to_the_end() -> None:
    """A sample variance of 1.014e18 R squared, and an edge of 1.98e9 R, stored as the largest allowed number."""
    light()

    learn(
        [
            *make_trades([1e9] * 70, scope=GOOD, prefix="g"),
            *make_trades([-1e9] * 7000, scope=DIP, prefix="d", per_day=100),
            *make_trades([1e9, -1e9] * 35, scope={"macro_phase": "Chop"}, prefix="c"),
        ]
    )

    assert Cell.objects.get(scope={"macro_phase": "Chop"}).variance > 1e18
    assert Lesson.objects.get(type="pm_strength", scope=GOOD).edge_raw == 1e9
    assert max(EdgeHistory.objects.values_list("edge_raw", flat=True)) == 1e9


def _renamed(trade: TradeValue) -> TradeValue:
    return replace(trade, external_id=f"again {trade.external_id}")
