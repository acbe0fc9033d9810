"""Cells after any facts in any order: those of a full count, with nothing else written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from random import Random

import pytest
from django.db import connection

from learning.lessons import count_cells
from learning.lessons.aggregate import aggregate_dirty
from learning.models import Cell, CellGroup, CountedRows
from telemetry.core.trades import Trade as TradeValue
from telemetry.models import DirtyGroup, Trade
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, KEY, NOW, action_payload, make_correction, make_trade, make_trades
from tests.learning.lessons.test_aggregate import counted_naively, random_trades, record, stored

Versions = dict[frozenset[tuple[str, str]], int]


def versions() -> Versions:
    """Return the transaction that wrote each stored cell."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, xmin::text::bigint FROM pattern_scope_stats")
        written = dict(cursor.fetchall())
    return {frozenset(cell.scope.items()): written[cell.pk] for cell in Cell.objects.all()}


def full_counts(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    counted: list[object] = []
    count_group: Callable[..., None] = count_cells.count_group

    def counting(group: object, *given: object, **named: object) -> None:
        counted.append(group)
        count_group(group, *given, **named)

    monkeypatch.setattr("learning.lessons.aggregate.count_group", counting)
    return counted


def changed(random: Random, number: int) -> TradeValue:
    """Return a new trade, or a correction of a recorded one: another outcome, scope or cluster, or its exclusion."""
    scope = {name: random.choice(known) for name, known in {"bucket": "abc", "timeframe": "xy"}.items()}
    actions = [action_payload(scope=scope)] * random.randint(1, 2)
    over = {"rr": random.gauss(0, 1), "actions": actions, **random.choice([{}, {}, {"cluster_id": "c1"}])}
    recorded = sorted(Trade.objects.filter(is_current=True).values_list("external_id", "revision"))
    if not recorded or random.random() < 0.5:
        return make_trade(f"new{number}", **over)
    name, revision = random.choice(recorded)
    if random.random() < 0.4:
        over = {"excluded_reason": "a fat finger"}
    return make_correction(name, revision=revision + 1, **over)


@pytest.mark.django_db
class TestMergeChanges:
    @pytest.mark.parametrize("seed", range(6))
    def test_leads_to_the_cells_of_a_full_count(self, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        random = Random(seed)
        record(*random_trades(40, seed))
        aggregate_dirty(now=NOW)
        counted = full_counts(monkeypatch)

        for step in range(12):
            for number in range(random.randint(1, 4)):
                record_trades([changed(random, 10 * step + number)], now=NOW)
            aggregate_dirty(now=NOW)

            assert stored() == counted_naively()
            group = CellGroup.objects.get()
            assert (group.n_cells, DirtyGroup.objects.count()) == (Cell.objects.count(), 0)
        assert counted == []

    def test_writes_only_the_cells_of_the_changed_trade(self, monkeypatch: pytest.MonkeyPatch) -> None:
        record(*random_trades(200))
        aggregate_dirty(now=NOW)
        before, counted = versions(), full_counts(monkeypatch)

        record(make_trade("one", rr=3.0, actions=[action_payload(scope={"bucket": "a", "timeframe": "x"})]))
        aggregate_dirty(now=NOW)

        after = versions()
        own = {("bucket", "a"), ("timeframe", "x")}
        assert {scope for scope in before if before[scope] != after[scope]} == {s for s in before if s <= own}
        assert (stored(), counted) == (counted_naively(), [])

    def test_deletes_a_cell_that_fell_below_its_minimum(self, now: datetime) -> None:
        record(*make_trades([1.0] * 10, scope={"bucket": "a"}), *make_trades([2.0] * 12, prefix="b", scope={}))
        aggregate_dirty(now=now)
        before = Cell.objects.filter(scope={"bucket": "a"}).count()

        record(make_correction("t000", excluded_reason="a fat finger", actions=[action_payload(scope={"bucket": "a"})]))
        aggregate_dirty(now=now)

        assert (before, [cell.scope for cell in Cell.objects.all()]) == (1, [{}])

    def test_changes_nothing_where_nothing_is_new(self, now: datetime) -> None:
        """A build that reads the groups finds nothing new in them either."""
        record(*make_trades([1.0] * 12))
        aggregate_dirty(now=now)
        before = (versions(), CellGroup.objects.get().aggregated_at)
        trade = Trade.objects.order_by("id").first()
        assert trade is not None
        DirtyGroup.objects.create(
            module="pm", pattern_key=KEY, action_category="entry", trades=[trade.pk], marked_at=now
        )

        assert aggregate_dirty(now=now + DAY) == 1

        assert (versions(), CellGroup.objects.get().aggregated_at) == before
        assert not DirtyGroup.objects.exists()

    def test_is_no_way_for_a_mark_that_names_no_trades(self, monkeypatch: pytest.MonkeyPatch) -> None:
        record(*make_trades([1.0] * 12))
        aggregate_dirty(now=NOW)
        counted = full_counts(monkeypatch)

        DirtyGroup.objects.create(module="pm", pattern_key=KEY, action_category="entry", marked_at=NOW)
        aggregate_dirty(now=NOW)

        assert (len(counted), stored()) == (1, counted_naively())

    @pytest.mark.parametrize(("limit", "value"), [("MOST_ROWS", 2), ("MOST_CHANGES", 4)])
    def test_gives_way_to_a_full_count_beyond_its_limits(
        self, limit: str, value: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record(*make_trades([1.0] * 12))
        aggregate_dirty(now=NOW)
        counted = full_counts(monkeypatch)
        monkeypatch.setattr(count_cells, limit, value)

        for prefix in ("a", "b", "c"):
            record(*make_trades([2.0] * (3 if limit == "MOST_ROWS" else 2), prefix=prefix))
            aggregate_dirty(now=NOW)

        assert len(counted) == (3 if limit == "MOST_ROWS" else 1)
        assert stored() == counted_naively()

    def test_keeps_the_changes_apart_until_the_next_full_count(self, now: datetime) -> None:
        record(*make_trades([1.0] * 12))
        aggregate_dirty(now=now)
        record(make_trade("one"))
        aggregate_dirty(now=now)

        assert list(CountedRows.objects.order_by("part").values_list("part", flat=True)) == [0, 1]
