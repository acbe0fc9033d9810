"""Rows of a bucket as plain numbers and words: they say what the columns say, and a bounded number is kept."""

from __future__ import annotations

import pytest

from overrides.core.engine import plain_rows
from overrides.core.engine.definitions.vocabulary import Combiner
from overrides.core.engine.weighing import STATIC, UPDATED
from tests.overrides.serving.decisions.test_decision_columns import compiled_of


def test_rows_say_what_the_columns_say_and_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    (section,) = compiled_of(0, Combiner.PLAN).sections
    bucket = max(section.buckets.values(), key=len)
    monkeypatch.setattr(plain_rows, "MOST_KEPT", 2)
    kept = plain_rows.PlainRows()

    for row in [*range(len(bucket)), 0, 0]:
        ((static, numbers, moves, number, id, line),) = kept.of(bucket, [row])
        values = bucket.table[row].tolist()
        assert (static, numbers[UPDATED], numbers[STATIC]) == (values[STATIC], values[UPDATED], values[STATIC])
        units = dict(zip(bucket.levers, values[bucket.weighing.width :], strict=True))
        assert dict(moves) == {name: unit for name, unit in units.items() if unit == unit}
        assert (number, id, line) == (row, bucket.ids.all()[row], bucket.lines.all()[row])
        assert len(kept) <= 2
