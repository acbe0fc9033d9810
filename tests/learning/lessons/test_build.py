"""Cells to lessons: by hand on a small data set, reproducible, and withdrawn when they no longer qualify."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from math import log
from typing import Any

import pytest

from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_lessons
from learning.models import BuilderRun, EdgeHistory, Lesson
from overrides.core.engine.definitions.content_hash import line_id
from telemetry.core.trades import Trade as TradeValue
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, KEY, NOW, make_correction, make_parameters, make_trades, publish, run_concurrently

GOOD, DIP = {"macro_phase": "Good"}, {"macro_phase": "Dip"}
LIGHT: dict[str, Any] = {"min_total_weight": 0.0}


def record(*trades: TradeValue) -> None:
    record_trades(trades, now=NOW)
    aggregate_dirty(now=NOW)


def two_phases() -> None:
    """Return twenty trades at 2 R in Good and twenty at 0 R in Dip: baseline 1 R, edges of +1 R and -1 R."""
    record(*make_trades([2.0] * 20, scope=GOOD, prefix="g"), *make_trades([0.0] * 20, scope=DIP, prefix="d"))


def build(at: datetime = NOW) -> BuilderRun:
    return build_lessons(module="pm", now=at)


def lessons() -> dict[str, Lesson]:
    return {lesson.scope.get("macro_phase", "all"): lesson for lesson in Lesson.objects.all()}


def snapshot() -> list[dict[str, Any]]:
    """Return the content of every lesson without its latest run."""
    fields = [field.name for field in Lesson._meta.concrete_fields if field.name not in ("run", "first_run")]
    rows = list(Lesson.objects.order_by("line_id").values(*fields))
    history = EdgeHistory.objects.order_by("lesson__line_id", "week").values(
        "lesson_id", "week", "n", "mean", "edge_raw"
    )
    return [*rows, *history]


@pytest.mark.django_db
class TestBuildLessons:
    @pytest.fixture(autouse=True)
    def light_lessons_act(self, db: None) -> None:
        """Remove the floor, because one dimension of eight weighs at most .044; so the numbers stay simple."""
        publish(parameters=make_parameters({"weights": LIGHT}))

    def test_measures_edges_against_the_baseline(self) -> None:
        two_phases()

        run = build()

        assert run.baseline == {"entry": {"n": 40, "mean": 1.0}}
        assert {name: lesson.edge_raw for name, lesson in lessons().items()} == {"Good": 1.0, "Dip": -1.0}
        good = lessons()["Good"]
        assert good.line_id == line_id("pm", "pm_strength", "plan", KEY, "entry", GOOD)
        assert (good.type, good.policy, good.status, good.n_dims) == ("pm_strength", "plan", "active", 1)
        assert {name: good.stats[name] for name in ("n", "variance", "baseline", "incremental_edge", "updates")} == {
            "n": 20, "variance": 0.0, "baseline": 1.0, "incremental_edge": 1.0, "updates": 11,
        }  # fmt: skip
        assert good.stats["updated_at"] == "2026-03-01T12:00:00Z"

    def test_asks_of_a_scope_what_its_parents_do_not_say(self) -> None:
        """Baseline 1 R. Good is +1, Dip -1, either bucket 0; micro adds 1 R to both phases, each in its direction.

        Large removes the edge of both, so it adds nothing to the baseline.
        """
        publish(parameters=make_parameters({"weights": LIGHT}, lessons={"max_lessons": 9}))
        for phase, bucket, rr in (
            ("Good", "micro", 3),
            ("Good", "large", 1),
            ("Dip", "micro", -1),
            ("Dip", "large", 1),
        ):
            scope = {"macro_phase": phase, "bucket": bucket}
            record(*make_trades([float(rr)] * 20, scope=scope, prefix=f"{phase} {bucket}"))

        build()

        found = Lesson.objects.filter(type="pm_strength")
        assert {
            tuple(sorted(each.scope.values())): (each.edge_raw, each.stats["incremental_edge"]) for each in found
        } == {
            ("Good",): (1.0, 1.0), ("Dip",): (-1.0, 1.0), ("Good", "micro"): (2.0, 1.0), ("Dip", "micro"): (-2.0, 1.0),
        }  # fmt: skip
        assert {each.edge_raw > 0: each.targets["size_mult"] > 1 for each in found} == {True: True, False: False}

    def test_moves_targets_a_step_for_every_day_after_enough_trades(self) -> None:
        """Trades 10 to 20 close on eleven days: ln t = 11 * ln 1.02 * 1 / 20, the same for both levers of an entry."""
        two_phases()

        build()

        step = 11 * log(1.02) / 20
        assert {name: log(value) for name, value in lessons()["Good"].targets.items()} == {
            "size_mult": pytest.approx(step, abs=1e-12),
            "entry_aggression_mult": pytest.approx(step, abs=1e-12),
        }
        assert log(lessons()["Dip"].targets["size_mult"]) == pytest.approx(-step, abs=1e-12)

    def test_keeps_all_that_was_tested(self) -> None:
        """Both phases and the empty subset, which equals the baseline; outcomes within a phase are constant."""
        two_phases()

        tested = build().tested

        assert tested is not None
        assert sorted(zip(*(tested[name] for name in ("n", "raw", "se", "shrunk", "emitted")), strict=True)) == [
            (20.0, -1.0, 0.0, -1.0, 1), (20.0, 1.0, 0.0, 1.0, 1), (40.0, 0.0, 0.160128, 0.0, 0),
        ]  # fmt: skip
        assert tested["total"] == 3

    def test_weighs_them_by_the_plan(self) -> None:
        """tanh(1) * (1 - exp(-20 / 25)) * 1 * (1 / 8)^1.5."""
        two_phases()

        build()

        assert lessons()["Good"].weight == pytest.approx(0.0185345, abs=1e-7)

    def test_gives_the_same_again(self) -> None:
        two_phases()
        first = build()
        before = snapshot()

        second = build(NOW + timedelta(hours=1))

        assert snapshot() == before
        assert (second.n_active, second.n_withdrawn) == (first.n_active, 0) == (2, 0)
        assert {(lesson.first_run_id, lesson.run_id) for lesson in Lesson.objects.all()} == {(first.pk, second.pk)}

    def test_gives_the_same_whatever_the_order_of_recording(self) -> None:
        trades = make_trades([1.5, -0.5, 3.0, 1.0] * 8, scope=GOOD, prefix="g")
        trades += make_trades([-1.0, 0.5] * 10, scope=DIP, prefix="d")
        record(*trades)
        build()
        before = [row for row in snapshot() if "weight" in row]
        Lesson.objects.all().delete()
        for trade in reversed(trades):
            corrected = make_correction(trade.external_id, excluded_reason="to be recorded anew")
            record_trades([corrected], now=NOW)
        aggregate_dirty(now=NOW)

        for trade in reversed(trades):
            again = {"external_id": f"again {trade.external_id}"}
            record_trades([_replaced(trade, **again)], now=NOW)
        aggregate_dirty(now=NOW)
        build()

        after = [row for row in snapshot() if "weight" in row]
        assert [_without(row, "id") for row in after] == [_without(row, "id") for row in before]

    def test_withdraws_what_no_longer_holds_and_brings_it_back(self) -> None:
        two_phases()
        build()
        record(*make_trades([0.0] * 60, scope=GOOD, prefix="later"))

        run = build(NOW + DAY)

        assert {name: lesson.status for name, lesson in lessons().items()} == {"Good": "withdrawn", "Dip": "withdrawn"}
        assert (run.n_active, run.n_withdrawn) == (0, 2)
        assert build(NOW + 2 * DAY).n_withdrawn == 0
        assert lessons()["Good"].run == run

        record(*[make_correction(f"later{i:03}", excluded_reason="wrong feed") for i in range(60)])
        build(NOW + 3 * DAY)
        assert lessons()["Good"].status == "active"
        assert lessons()["Good"].first_run.as_of == NOW

    def test_keeps_the_edge_of_every_week(self) -> None:
        """Twenty days up to Sunday 1 March: six trades in the week of 9 February, then seven and seven."""
        two_phases()

        build()

        weeks = EdgeHistory.objects.filter(lesson=lessons()["Dip"]).values_list("week", "n", "mean", "edge_raw")
        assert list(weeks) == [
            (date(2026, 2, 9), 6, 0.0, -1.0),
            (date(2026, 2, 16), 7, 0.0, -1.0),
            (date(2026, 2, 23), 7, 0.0, -1.0),
        ]

    def test_names_a_dm_target_as_the_plan_does(self) -> None:
        dm: dict[str, Any] = {
            "module": "dm",
            "pattern_key": "dm_pattern.allocation.allocation",
            "action_category": "allocation",
        }
        for prefix, rr, chain in (("a", 2.0, "sol"), ("b", 0.0, "eth")):
            record(*make_trades([rr] * 20, scope={"chain": chain}, prefix=prefix, **dm))
        publish(parameters=make_parameters({"weights": LIGHT}, module="dm"), module="dm")

        build_lessons(module="dm", now=NOW)

        lesson = Lesson.objects.get(scope={"chain": "sol"})
        assert (lesson.type, list(lesson.targets)) == ("dm_alloc", ["alloc_mult_target"])

    def test_counts_a_cluster_once(self) -> None:
        """Twelve trades of one cluster are one unit: nothing to learn from."""
        trades = [_replaced(trade, cluster_id="one") for trade in make_trades([2.0] * 12, scope=GOOD, prefix="g")]
        record(*trades, *make_trades([0.0] * 12, scope=DIP, prefix="d"))

        run = build()

        assert run.baseline["entry"]["n"] == 13
        assert "Good" not in lessons()

    def test_passes_over_cells_whose_trades_were_corrected_away(self) -> None:
        """The builder may run between a correction and the aggregation that follows it."""
        two_phases()
        corrected = [make_correction(f"g{i:03}", excluded_reason="wrong feed") for i in range(20)]
        record_trades(corrected, now=NOW)

        run = build()

        assert run.n_cells == 3
        aggregate_dirty(now=NOW)
        assert build(NOW + DAY).n_active == 0


@pytest.mark.django_db
class TestTooLight:
    def test_lessons_are_kept_with_their_weight(self) -> None:
        """One dimension of eight weighs .0185, below the plan's .02."""
        two_phases()

        run = build()

        assert {(lesson.status, *lesson.targets) for lesson in Lesson.objects.all()} == {("too_light",)}
        assert (run.n_candidates, run.n_active, Lesson.objects.count()) == (2, 0, 2)

    def test_absurd_outcomes_stop_no_other_lesson(self) -> None:
        two_phases()
        record(
            *make_trades([1e6, 0.0] * 10, scope=GOOD, action_category="add", prefix="x"),
            *make_trades([0.0] * 20, scope=DIP, action_category="add", prefix="y"),
        )

        build()

        assert {lesson.action_category for lesson in Lesson.objects.all()} == {"add", "entry"}

    def test_lessons_become_active_when_the_parameters_let_them(self) -> None:
        two_phases()
        build()
        publish(parameters=make_parameters({"weights": {"max_scope_dims": 4}}))

        run = build(NOW + DAY)

        assert {lesson.status for lesson in Lesson.objects.all()} == {"active"}
        assert run.n_withdrawn == 0


@pytest.mark.django_db
def test_an_empty_module_has_an_empty_run() -> None:
    run = build_lessons(module="dm", now=NOW)

    assert (run.baseline, run.n_cells, run.n_active, run.code_version) == ({}, 0, 0, "plan 3")


@pytest.mark.django_db(transaction=True)
def test_concurrent_builders_write_each_lesson_once() -> None:
    publish(parameters=make_parameters({"weights": LIGHT}))
    two_phases()

    runs = run_concurrently(*[build] * 3)

    assert [run.n_candidates for run in runs] == [2, 2, 2]
    assert (Lesson.objects.count(), EdgeHistory.objects.count()) == (2, 6)


def _replaced(trade: TradeValue, **over: Any) -> TradeValue:
    return replace(trade, **over)


def _without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}
