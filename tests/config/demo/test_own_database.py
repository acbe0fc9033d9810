from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from config.demo.own_database import HISTORY, DatabaseInUse, has_run, note_done, refuse_others
from telemetry.models import Trade
from telemetry.recording.record_trades import record_trades
from tests.builders import NOW, make_trade

pytestmark = pytest.mark.django_db


class TestRefuseOthers:
    def test_lets_a_demo_into_an_empty_database_of_its_own(self, settings: Any) -> None:
        refuse_others("demo")
        settings.PLANTED_DEMO = True

        refuse_others("planted demo", is_planted=True)

    def test_keeps_each_demo_out_of_the_database_of_the_other(self, settings: Any) -> None:
        with pytest.raises(DatabaseInUse, match="a database of its own, whose pages say so"):
            refuse_others("planted demo", is_planted=True)
        settings.PLANTED_DEMO = True

        with pytest.raises(DatabaseInUse, match="this is the database of the planted demo"):
            refuse_others("demo")

    def test_keeps_the_planted_demo_out_of_a_database_with_trades(self, settings: Any) -> None:
        settings.PLANTED_DEMO = True
        record_trades([make_trade()], now=NOW)

        with pytest.raises(DatabaseInUse, match="trades of your own"):
            refuse_others("planted demo", is_planted=True)

        assert Trade.objects.count() == 1


class TestHasRun:
    def test_is_of_one_demo_and_of_its_end(self) -> None:
        now = datetime.now(UTC)
        note_done("demo", "installed", now)
        note_done("planted demo", HISTORY, now)

        assert (has_run("demo"), has_run("planted demo")) == (False, True)
