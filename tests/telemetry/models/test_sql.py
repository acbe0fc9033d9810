"""What the database's functions of telemetry compute is what the core says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection

from telemetry.foundation.core.identifiers import uuid7, uuid7_floor


@pytest.mark.django_db
class TestDecisionIdFloor:
    @pytest.mark.parametrize("moment", [datetime(1970, 1, 2, tzinfo=UTC), datetime(2026, 9, 19, 12, tzinfo=UTC)])
    def test_parts_the_ids_of_a_moment_from_those_before_it(self, moment: datetime) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT decision_id_floor(%s)", [moment])
            floor: UUID = cursor.fetchone()[0]

        assert uuid7(moment - timedelta(milliseconds=1)) < floor < uuid7_floor(moment)
