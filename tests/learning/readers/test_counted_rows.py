"""Counted rows after any changes: the same cells as of the facts counted anew."""

from __future__ import annotations

from uuid import UUID

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.cells.changed_cells import changed_cells
from learning.core.cells.cube import build_cube
from learning.core.cells.rows import Rows
from learning.readers.counted_rows import Counted, Fetched, change_of, count_all
from learning.readers.group_columns import GroupRows, PatternGroup, Units, Values
from overrides.core.engine.definitions.learned_from import LearnedFrom
from overrides.core.engine.definitions.parameters import LessonParameters

GROUP = PatternGroup("pm", "a.b.c", "entry")
LEARNED = LearnedFrom(("paper",), ("x", "y"))
LOW = LessonParameters(n_min=(2, 2, 2, 2))
Cell = frozenset[tuple[str, str]]
Facts = dict[UUID, list[Fetched]]

VALUE = st.sampled_from([None, "a", "b", "c"])
ROW = st.tuples(st.floats(-10, 10), VALUE, VALUE)
TRADE = st.tuples(st.sampled_from(["", "", "k1", "k2"]), st.integers(0, 9), st.lists(ROW, max_size=3))
CHANGES = st.lists(st.dictionaries(st.integers(0, 12), TRADE, max_size=4), max_size=6)


def fetched(trade: UUID, told: tuple[str, int, list[tuple[float, str | None, str | None]]]) -> list[Fetched]:
    cluster, closed_at, rows = told
    return [(trade, cluster, outcome, closed_at, *scope) for outcome, *scope in rows]


def counted_anew(facts: Facts) -> Counted:
    rows, units, values = [row for trade in facts.values() for row in trade], Units(), [Values(), Values()]
    codes = [[value(known) for value, known in zip(values, row[4:], strict=True)] for row in rows]
    columns = Rows(
        codes=np.array(codes, dtype=np.int32).reshape(len(rows), 2),
        outcomes=np.array([row[2] for row in rows], dtype=np.float64),
        trade=np.array([units.trade(row[0]) for row in rows], dtype=np.int64),
        cluster=np.array([units.cluster(row[1] or row[0]) for row in rows], dtype=np.int64),
        closed_at=np.array([row[3] for row in rows], dtype=np.int64),
    )
    return count_all(GroupRows(GROUP, ("x", "y"), tuple(value.names for value in values), columns), units)


def cells(group: GroupRows, changed: np.ndarray | None = None) -> dict[Cell, tuple[float, ...]]:
    found = build_cube(group.rows, LOW) if changed is None else changed_cells(group.rows, changed, LOW)
    columns = (found.n, found.mean, found.variance, found.first_closed_at, found.last_closed_at)
    scopes = [
        frozenset(
            (name, group.values[dim][code])
            for dim, (name, code) in enumerate(zip("xy", codes, strict=True))
            if code >= 0
        )
        for codes in found.codes.tolist()
    ]
    rounded = zip(*(np.round(column.astype(np.float64), 9).tolist() for column in columns), strict=True)
    return dict(zip(scopes, rounded, strict=True))


class TestChangeOf:
    @given(CHANGES)
    @settings(deadline=None, max_examples=150)
    def test_leads_to_the_cells_of_a_full_count(self, changes: list[dict[int, tuple[str, int, list[Fetched]]]]) -> None:
        """Trades come, are corrected, join and leave clusters, and go; the changed cells are written over the old."""
        facts: Facts = {UUID(int=99): [(UUID(int=99), "", 1.0, 5, "a", "b")]}
        counted = counted_anew(facts)
        stored = cells(counted.rows())
        for number, told in enumerate(changes):
            named = {UUID(int=trade): fetched(UUID(int=trade), rows) for trade, rows in told.items()}
            change = change_of(counted, named, [row for trade in named.values() for row in trade], LEARNED)
            facts |= named
            if len(change):
                scopes = np.concatenate([change.went, change.came])
                new = cells(change.after.rows(), scopes)
                lost = cells(counted.rows(), scopes).keys() - new.keys()
                stored = {scope: at for scope, at in stored.items() if scope not in lost} | new
            counted = change.after
            assert stored == cells(counted_anew(facts).rows()), number

    def test_is_none_where_the_facts_are_the_same(self) -> None:
        facts = {UUID(int=number): [(UUID(int=number), "k", 1.0, 5, "a", None)] for number in range(3)}

        change = change_of(counted_anew(facts), facts, [row for rows in facts.values() for row in rows], LEARNED)

        assert (len(change), change.after.changes) == (0, 0)

    def test_counts_the_trades_that_came_and_went_since_the_full_count(self) -> None:
        facts = {UUID(int=number): [(UUID(int=number), "", 1.0, 5, "a", None)] for number in range(3)}
        other = [(UUID(int=7), "", 1.0, 5, "z", None)]

        change = change_of(counted_anew(facts), [UUID(int=0), UUID(int=7)], other, LEARNED)

        assert (len(change.went), len(change.came), change.after.changes) == (1, 1, 2)
        assert change.after.values == (("a", "z"), ())
