"""Exported episodes are what the API takes: recorded again, they are unchanged."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.core.management import call_command

from telemetry.models import Episode
from telemetry.recording.record_episodes import receive_episodes
from tests.telemetry.core.builders import NOW
from tests.telemetry.core.episode_builders import GATES, START, entered_payload, episode_payload, window_payload

pytestmark = pytest.mark.django_db


def record(*payloads: Any) -> list[str]:
    return [each.status for each in receive_episodes(payloads, gates=GATES, now=NOW)]


def export(**options: Any) -> str:
    stdout = io.StringIO()
    call_command("export", "episodes", stdout=stdout, stderr=io.StringIO(), **options)
    return stdout.getvalue()


@pytest.fixture
def recorded() -> None:
    record(episode_payload(windows=[window_payload(retest_index=0), entered_payload()], ended_in="s0", side="long"))
    record(episode_payload("e2"))
    record(
        episode_payload("e2", revision=2, correction_reason="it was cut off", excluded_reason="the exchange was away")
    )


@pytest.mark.usefixtures("recorded")
class TestExport:
    def test_is_recorded_again_without_a_change(self) -> None:
        found = [json.loads(line) for line in export(all_revisions=True).splitlines()]

        assert record(*found) == ["unchanged"] * 3

    def test_fills_an_empty_database(self) -> None:
        found = [json.loads(line) for line in export(all_revisions=True).splitlines()]
        renamed = [each | {"episode_id": f"{each['episode_id']} again"} for each in found]

        assert record(*renamed) == ["new", "new", "corrected"]

    def test_writes_what_stands(self) -> None:
        found = [json.loads(line) for line in export().splitlines()]

        assert {(each["episode_id"], each["revision"]) for each in found} == {("e1", 1), ("e2", 2)}
        assert Episode.objects.count() == 3

    def test_fits_in_a_table_and_is_cut_by_its_end(self) -> None:
        rows = list(csv.DictReader(io.StringIO(export(format="csv"), newline="")))

        assert [row["episode_type"] for row in rows] == ["s3_retest"] * 2
        assert export(until=START) == export(module="dm") == ""
