"""Facts to cells: equal to a naive count of the rows, whoever counts and how often."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import combinations
from random import Random
from statistics import fmean, variance
from typing import Any

import pytest
from django.db import connection, transaction

from learning.core.cells.cell_columns import CellBudgetExceeded
from learning.lessons.aggregate import aggregate_dirty
from learning.models import Cell, CellGroup
from telemetry.core.trades import Trade as TradeValue
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import DirtyGroup, Outcome
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    DAY,
    KEY,
    NOW,
    SCOPE,
    action_payload,
    attempt,
    make_correction,
    make_parameters,
    make_trade,
    make_trades,
    publish,
    run_concurrently,
    wait_until,
    waits_for_lock,
)

N_MIN = (10, 10, 20, 20, 30, 30, 50, 50)  # by number of dimensions, from one on


def random_trades(count: int, seed: int = 1) -> list[TradeValue]:
    """Return trades of one to three entries over four dimensions with gaps, a third of them in clusters."""
    random = Random(seed)
    values = {"bucket": "abc", "macro_phase": "gd", "timeframe": "xy", "bucket_leader": "pqr"}
    trades = []
    for number in range(count):
        scope = {name: random.choice(known) for name, known in values.items() if random.random() < 0.85}
        actions = [action_payload(scope=scope)] * random.randint(1, 3)
        cluster = {"cluster_id": f"c{number % 7}"} if number % 3 == 0 else {}
        trades.append(make_trade(f"t{number:03}", rr=random.gauss(0.2, 1), actions=actions, **cluster))
    return trades


def record(*trades: TradeValue) -> None:
    record_trades(trades, now=NOW)


def stored() -> dict[tuple[str, frozenset[tuple[str, str]]], tuple[int, float, float]]:
    rows = Cell.objects.select_related("group")
    return {
        (row.group.pattern_key, frozenset(row.scope.items())): (row.n, round(row.mean, 9), round(row.variance, 9))
        for row in rows
    }


def counted_naively(
    now: datetime | None = None,
) -> dict[tuple[str, frozenset[tuple[str, str]]], tuple[int, float, float]]:
    """Return the statistics of every subset of every scope, row by row: trade means, then cluster means.

    With a time, of what was known then.
    """
    known = Outcome.objects.all() if now is None else Outcome.objects.filter(known_at__lte=now)
    rows = list(known.values("pattern_key", "scope", "trade_id", "cluster_id", "rr"))
    cells = {(row["pattern_key"], subset) for row in rows for subset in subsets(row["scope"])}
    cells |= {(row["pattern_key"], frozenset()) for row in rows}
    counted = {}
    for key, subset in cells:
        inside = [row for row in rows if row["pattern_key"] == key and subset <= row["scope"].items()]
        units = unit_means(inside)
        if not subset or len(units) >= N_MIN[len(subset) - 1]:
            spread = variance(units) if len(units) > 1 else 0.0
            counted[key, subset] = (len(units), round(fmean(units), 9), round(spread, 9))
    return counted


def subsets(scope: Mapping[str, str]) -> list[frozenset[tuple[str, str]]]:
    return [frozenset(chosen) for size in range(1, len(scope) + 1) for chosen in combinations(scope.items(), size)]


def unit_means(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    clusters: dict[Any, dict[Any, list[float]]] = {}
    for row in rows:
        clusters.setdefault(row["cluster_id"] or row["trade_id"], {}).setdefault(row["trade_id"], []).append(row["rr"])
    return [fmean(fmean(outcomes) for outcomes in trades.values()) for trades in clusters.values()]


@pytest.mark.django_db
class TestAggregateDirty:
    def test_equals_a_naive_count_of_the_rows(self, now: datetime) -> None:
        record(*random_trades(120), *make_trades([0.5] * 3, prefix="other", pattern_key="a.b.c"))

        assert aggregate_dirty(now=now) == 2

        assert stored() == counted_naively()
        assert len(stored()) > 30
        group = CellGroup.objects.get(pattern_key=KEY)
        assert (group.n_cells, group.n_outcomes) == (group.cells.count(), Outcome.objects.count() - 3)
        assert group.aggregated_at == now

    def test_tells_first_and_last_close(self, now: datetime) -> None:
        trades = make_trades([1.0] * 12)
        record(*trades)

        aggregate_dirty(now=now)

        cell = Cell.objects.get(scope=SCOPE)
        assert (cell.n, cell.n_dims) == (12, 2)
        assert (cell.first_closed_at, cell.last_closed_at) == (trades[0].closed_at, trades[-1].closed_at)

    def test_takes_the_marks(self, now: datetime) -> None:
        record(*make_trades([1.0] * 12))

        assert (aggregate_dirty(now=now), DirtyGroup.objects.count()) == (1, 0)
        assert aggregate_dirty(now=now) == 0

    def test_follows_corrections_and_exclusions(self, now: datetime) -> None:
        record(*random_trades(60))
        aggregate_dirty(now=now)

        record(make_correction("t000", excluded_reason="a fat finger"), make_correction("t001", rr=9.0))
        aggregate_dirty(now=now)

        assert stored() == counted_naively()
        assert not Outcome.objects.filter(trade__external_id="t000").exists()

    def test_forgets_a_group_that_lost_its_last_trade(self, now: datetime) -> None:
        record(make_trade())
        aggregate_dirty(now=now)

        record(make_correction(excluded_reason="a fat finger"))
        aggregate_dirty(now=now)

        assert (CellGroup.objects.count(), Cell.objects.count()) == (0, 0)

    def test_learns_from_its_books_alone(self, now: datetime) -> None:
        record(make_trade("a", book="live", rr=5.0), make_trade("b", book="paper", rr=1.0))

        aggregate_dirty(now=now)

        assert [cell.mean for cell in Cell.objects.all()] == [1.0]

    def test_does_not_learn_from_outputs_of_the_system(self, now: datetime) -> None:
        record(*make_trades([1.0] * 12, scope={"A_mode": "fast", "bucket": "micro"}))

        aggregate_dirty(now=now)

        assert {frozenset(cell.scope) for cell in Cell.objects.all()} == {frozenset(), frozenset({"bucket"})}

    def test_uses_the_parameters_in_force(self, now: datetime) -> None:
        publish(parameters=make_parameters(lessons={"n_min": [3, 3, 3, 3], "max_subset_size": 1, "books": ["live"]}))
        record(*[make_trade(f"t{i}", book="live") for i in range(4)])

        aggregate_dirty(now=now)

        assert sorted((cell.n_dims, cell.n) for cell in Cell.objects.all()) == [(0, 4), (1, 4), (1, 4)]

    def test_refuses_beyond_its_budget_with_advice_and_keeps_marks_and_cells(self, now: datetime) -> None:
        record(*make_trades([1.0] * 12))
        aggregate_dirty(now=now)
        before = stored()
        publish(parameters=make_parameters(lessons={"cell_budget": 3}))
        record(*make_trades([2.0] * 12, prefix="more"))

        with pytest.raises(CellBudgetExceeded, match="raise n_min, set max_subset_size or drop a dimension"):
            aggregate_dirty(now=now)

        assert (stored(), DirtyGroup.objects.count()) == (before, 1)

    def test_names_the_groups_that_do_not_fit_and_finishes_the_others(self, now: datetime) -> None:
        publish(parameters=make_parameters(lessons={"cell_budget": 3}))
        large, small = (
            make_trades([1.0] * 12),
            make_trades([1.0] * 12, scope={"bucket": "a"}, pattern_key="z.b.c", prefix="z"),
        )
        record(*large, *small)

        with pytest.raises(CellBudgetExceeded, match=f"the cells of pm {KEY} entry are more than the 3"):
            aggregate_dirty(now=now)

        assert list(CellGroup.objects.values_list("pattern_key", "n_cells")) == [("z.b.c", 2)]
        assert list(DirtyGroup.objects.values_list("pattern_key", flat=True)) == [KEY]

    def test_finishes_groups_that_together_pass_the_budget(self, now: datetime) -> None:
        publish(parameters=make_parameters(lessons={"cell_budget": 5}))
        for letter in "abc":
            record(*make_trades([1.0] * 12, pattern_key=f"{letter}.b.c", prefix=letter))

        assert aggregate_dirty(now=now) == 3
        assert [group.n_cells for group in CellGroup.objects.all()] == [4, 4, 4]

    def test_counts_a_merge_against_the_budget(self, now: datetime) -> None:
        publish(parameters=make_parameters(lessons={"cell_budget": 5}))
        record(*make_trades([1.0] * 12), *make_trades([1.0] * 9, prefix="other", scope={"bucket": "z"}))
        aggregate_dirty(now=now)
        before = stored()
        record(make_trade("tenth", actions=[action_payload(scope={"bucket": "z"})]))
        aggregate_dirty(now=now)
        record(*make_trades([1.0] * 9, prefix="third", scope={"bucket": "y"}))
        aggregate_dirty(now=now)

        record(make_trade("last", actions=[action_payload(scope={"bucket": "y"})]))
        with pytest.raises(CellBudgetExceeded, match="raise n_min"):
            aggregate_dirty(now=now)

        assert (len(before), len(stored()), CellGroup.objects.get().n_cells) == (4, 5, 5)
        assert DirtyGroup.objects.count() == 1

    def test_rebuilds_every_group_when_the_parameters_it_was_cut_with_change(self, now: datetime) -> None:
        record(*make_trades([1.0] * 12), make_trade("live", book="live"))
        aggregate_dirty(now=now)
        untouched = aggregate_dirty(now=now)

        publish(parameters=make_parameters(lessons={"books": ["paper", "live"], "dimensions": ["bucket"]}))
        rebuilt = aggregate_dirty(now=now)

        assert (untouched, rebuilt) == (0, 1)
        assert CellGroup.objects.get().dimensions == ["bucket"]
        assert max(cell.n for cell in Cell.objects.all()) == 13

    def test_learns_from_books_that_nothing_was_learned_from_before(self, now: datetime) -> None:
        record(*[make_trade(f"t{i}", book="live") for i in range(12)])
        aggregate_dirty(now=now)
        before = Cell.objects.count()

        publish(parameters=make_parameters(lessons={"books": ["live"]}))
        aggregate_dirty(now=now)

        assert (before, max(cell.n for cell in Cell.objects.all())) == (0, 12)


@pytest.mark.django_db
class TestKnowledge:
    """An outcome is counted from the moment at which it was known, and its group is marked until then."""

    def test_comes_after_the_close(self) -> None:
        entry = action_payload(known_at=utc_text(NOW - DAY / 2))
        record(*make_trades([1.0] * 12), make_trade("late", rr=9.0, actions=[entry]))

        seen = []
        for now in (NOW - DAY, NOW - DAY / 2, NOW):
            rebuilt = aggregate_dirty(now=now)
            seen.append((rebuilt, Cell.objects.get(scope=SCOPE).n, DirtyGroup.objects.count()))

        assert seen == [(1, 12, 1), (1, 13, 0), (0, 13, 0)]

    def test_keeps_only_the_marks_of_what_is_not_known(self) -> None:
        entry = action_payload(pattern_key="a.b.c", known_at=utc_text(NOW - DAY / 2))
        record(*make_trades([1.0] * 12), make_trade("late", actions=[entry]))

        aggregate_dirty(now=NOW - DAY)

        assert list(DirtyGroup.objects.values_list("pattern_key", flat=True)) == ["a.b.c"]
        assert not CellGroup.objects.filter(pattern_key="a.b.c").exists()

    def test_of_a_correction_takes_the_earlier_one_back_at_once(self) -> None:
        record(*make_trades([1.0] * 12), make_trade("late", rr=9.0))
        aggregate_dirty(now=NOW - DAY)
        record(make_correction("late", rr=5.0, actions=[action_payload(known_at=utc_text(NOW - DAY / 2))]))

        seen = []
        for now in (NOW - DAY, NOW - DAY / 2):
            aggregate_dirty(now=now)
            seen.append((Cell.objects.get(scope=SCOPE).n, Cell.objects.get(scope=SCOPE).mean))

        assert seen == [(12, 1.0), (13, pytest.approx(17 / 13))]

    @pytest.mark.parametrize("seed", range(3))
    def test_is_complete_at_every_moment_whatever_came_when(self, seed: int) -> None:
        random = Random(seed)
        for day in range(12, 0, -1):
            for number in range(random.randint(0, 15)):
                closed = NOW - DAY * (day + random.random())
                opened, stated = utc_text(closed - DAY), closed + DAY * random.uniform(-0.5, 6)
                known = {"known_at": utc_text(min(stated, NOW))} if random.random() < 0.6 else {}
                action = action_payload(scope={"bucket": random.choice("ab")}, at=opened, **known)
                times = {"opened_at": opened, "closed_at": utc_text(closed)}
                cluster = {"cluster_id": f"c{day}"} if random.random() < 0.2 else {}
                record(make_trade(f"t{day}-{number}", rr=random.gauss(0, 1), actions=[action], **times, **cluster))
            if random.random() < 0.7:
                aggregate_dirty(now=NOW - DAY * day)
                assert stored() == counted_naively(NOW - DAY * day)
        aggregate_dirty(now=NOW)

        assert stored() == counted_naively()
        assert DirtyGroup.objects.count() == 0


@pytest.mark.django_db(transaction=True)
class TestConcurrentAggregators:
    def test_leave_the_right_cells(self, now: datetime) -> None:
        """Recording continues while workers count; the last writer has read last."""
        trades = random_trades(90)

        def record_some(start: int) -> None:
            for trade in trades[start::3]:
                record(trade)

        def aggregate_often() -> None:
            for _ in range(8):
                aggregate_dirty(now=now)

        results = run_concurrently(
            *[lambda start=start: record_some(start) for start in range(3)], *[aggregate_often] * 2
        )
        aggregate_dirty(now=now)

        assert results == [None] * 5
        assert stored() == counted_naively()
        assert DirtyGroup.objects.count() == 0

    def test_leave_marks_to_whoever_holds_them(self, now: datetime) -> None:
        record(make_trade())

        with transaction.atomic():
            held = aggregate_dirty(now=now)
            (other,) = run_concurrently(lambda: aggregate_dirty(now=now))

        assert (held, other) == (1, 0)

    def test_keep_what_is_done_when_a_later_group_fails(self, now: datetime) -> None:
        record(*[make_trade(letter, actions=[action_payload(pattern_key=f"{letter}.b.c")]) for letter in "ab"])
        results: list[object] = []
        waiting = threading.Thread(target=lambda: results.append(attempt(lambda: aggregate_dirty(now=now))))

        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", ["cells pm b.b.c entry"])
            waiting.start()
            wait_until(waits_for_lock, "it to wait for the second group")
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            waiting.join()

        assert isinstance(results[0], Exception)
        assert list(CellGroup.objects.values_list("pattern_key", flat=True)) == ["a.b.c"]
        assert list(DirtyGroup.objects.values_list("pattern_key", flat=True)) == ["b.b.c"]

    def test_read_a_group_only_when_it_is_theirs(self, now: datetime) -> None:
        """Facts recorded while a worker waited for the group are in its cells."""
        record(make_trade("old", rr=1.0))
        results: list[object] = []
        waiting = threading.Thread(target=lambda: results.append(attempt(lambda: aggregate_dirty(now=now))))

        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"cells pm {KEY} entry"])
            waiting.start()
            wait_until(waits_for_lock, "it to wait for the group")
            run_concurrently(lambda: record(make_trade("new", rr=3.0)))
        waiting.join()

        assert results == [1]
        assert [(cell.n, cell.mean) for cell in Cell.objects.filter(n_dims=0)] == [(2, 2.0)]
        assert DirtyGroup.objects.count() == 1

    def test_survive_one_that_dies_in_the_middle(self, now: datetime) -> None:
        record(make_trade())
        pid: list[int] = []

        def die() -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                aggregate_dirty(now=now)
                cursor.execute("SELECT pg_backend_pid()")
                pid.append(cursor.fetchone()[0])
                cursor.execute("SELECT pg_terminate_backend(%s)", pid)

        (died,) = run_concurrently(die)

        assert isinstance(died, Exception)
        assert (Cell.objects.count(), DirtyGroup.objects.count()) == (0, 1)
        assert (aggregate_dirty(now=now), Cell.objects.count()) == (1, 1)
