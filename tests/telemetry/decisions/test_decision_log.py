"""Decisions are written whole, each to the month of its id."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection

from telemetry.decisions.decision_log import COLUMNS, record_decisions
from telemetry.foundation.core.identifiers import uuid7
from telemetry.models import Decision
from tests.builders import NOW, make_decision


@pytest.mark.django_db
class TestRecordDecisions:
    def test_writes_every_column(self) -> None:
        decision = make_decision(
            flags=("STEP_LIMITED", "RAMPING"),
            request={"current": {"size_mult": 1.05}, "rollout_key": 'a "quoted"\tkey\\'},
            challenger={"reason": "SINGLE"},
            contributions=[{"id": "o", "parts": {"size_mult": 0.1}}],
        )

        assert record_decisions([decision]) == 1

        row = Decision.objects.get()
        kept = {name: getattr(row, name) for name in COLUMNS}
        assert kept == {name: getattr(decision, name) for name in COLUMNS} | {"flags": ["STEP_LIMITED", "RAMPING"]}

    def test_files_each_under_the_month_in_its_id(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT extend_decision_partitions(%s, 2)", [NOW])
        moments = [NOW, datetime(2026, 4, 1, tzinfo=UTC), datetime(2001, 1, 1, tzinfo=UTC)]
        record_decisions([make_decision(decision_id=uuid7(moment)) for moment in moments])

        with connection.cursor() as cursor:
            cursor.execute("SELECT tableoid::regclass::text FROM telemetry_decision ORDER BY decision_id")
            tables = [table.removeprefix("decision_partitions.") for (table,) in cursor.fetchall()]
        assert tables == ["other", "month_2026_03", "month_2026_04"]

    def test_moves_those_into_a_month_that_came_before_it_was_made(self) -> None:
        record_decisions(
            [make_decision(decision_id=uuid7(datetime(2041, month, 5, tzinfo=UTC))) for month in (4, 5, 6)]
        )

        with connection.cursor() as cursor:
            cursor.execute("SELECT extend_decision_partitions('2041-05-20', 1)")
            cursor.execute("SELECT tableoid::regclass::text FROM telemetry_decision ORDER BY decision_id")
            tables = [table.removeprefix("decision_partitions.") for (table,) in cursor.fetchall()]
        assert tables == ["other", "month_2041_05", "other"]
