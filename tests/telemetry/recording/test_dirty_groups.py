from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest

from telemetry.models import DirtyGroup
from telemetry.recording import dirty_groups
from telemetry.recording.dirty_groups import mark_groups
from telemetry.recording.record_trades import record_trades, trade_id
from tests.builders import NOW, action_payload, make_correction, make_trade

ONE, TWO = UUID(int=1), UUID(int=2)


def marks() -> list[tuple[str, list[UUID] | None]]:
    return list(DirtyGroup.objects.order_by("id").values_list("pattern_key", "trades"))


@pytest.mark.django_db
class TestMarkGroups:
    def test_leaves_one_mark_for_each_group_with_its_trades(self, now: datetime) -> None:
        mark_groups({("pm", "b.b.c", "entry", TWO), ("pm", "a.b.c", "entry", ONE), ("pm", "b.b.c", "entry", ONE)}, now)

        assert marks() == [("a.b.c", [ONE]), ("b.b.c", [ONE, TWO])]

    def test_names_none_where_they_are_too_many(self, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(dirty_groups, "LARGEST_MARK", 1)

        mark_groups({("pm", "a.b.c", "entry", ONE), ("pm", "a.b.c", "entry", TWO)}, now)

        assert marks() == [("a.b.c", None)]

    def test_names_both_revisions_of_a_corrected_trade(self) -> None:
        record_trades([make_trade("t", actions=[action_payload(pattern_key="a.b.c")])], now=NOW)
        DirtyGroup.objects.all().delete()

        record_trades([make_correction("t", actions=[action_payload(pattern_key="b.b.c")])], now=NOW)

        assert marks() == [("a.b.c", [UUID(str(trade_id("t", 1)))]), ("b.b.c", [UUID(str(trade_id("t", 2)))])]
