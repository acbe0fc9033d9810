"""The evidence on thresholds, as the verb returns it and as the command prints it."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import call_command

from learning.lessons.gate_evidence import gate_evidence
from learning.readers.group_columns import since_epoch
from telemetry.core.episodes import parse_episode
from telemetry.recording.record_episodes import record_episodes
from tests.telemetry.core.builders import NOW
from tests.telemetry.core.episode_builders import (
    GATES,
    entered_payload,
    episode_payload,
    sample_payload,
    window_payload,
)

pytestmark = pytest.mark.django_db


def record_chances(won: int, lost: int) -> None:
    """Episodes with one entered window each, and one at TS .57 that would have won 2 R or lost 1 R."""
    results = [2.0] * won + [-1.0] * lost
    payloads = [
        episode_payload(f"e{n}", windows=[entered_payload(), window_payload(samples=[sample_payload(ts=0.57, rr=rr)])])
        for n, rr in enumerate(results)
    ]
    record_episodes([parse_episode(each, gates=GATES, now=NOW) for each in payloads], now=NOW)


def test_names_the_thresholds_that_gained_twice_what_they_lost() -> None:
    record_chances(won=15, lost=10)

    (evidence,) = gate_evidence("pm", NOW)

    assert (evidence.lever.name, evidence.considered, evidence.entered) == ("min_ts_for_add", 50, 25)
    # From .5 down the entered windows are entered sooner, at a sample that earned .9 R less.
    assert evidence.candidates_before(since_epoch(NOW) + 1) == {"0.55"}
    looser = next(each for each in evidence.changes if each.alternative == "0.55")
    # Each episode counts once, with the mean of its two windows: 15 gain 1 R, 10 lose .5 R.
    assert (looser.let_in, looser.gains, looser.losses, looser.ratio) == (25, 15.0, 5.0, 3.0)


def test_names_none_where_losers_outweigh_winners_however_many_win() -> None:
    record_chances(won=30, lost=40)

    (evidence,) = gate_evidence("pm", NOW)

    assert "0.55" not in evidence.candidates_before(since_epoch(NOW) + 1)


def test_of_dm_there_is_none() -> None:
    record_chances(won=2, lost=1)

    assert gate_evidence("dm", NOW) == []


class TestCommand:
    def test_prints_every_threshold_and_how_many_are_candidates(self) -> None:
        record_chances(won=15, lost=10)
        out = io.StringIO()

        call_command("gate_evidence", stdout=out)

        text = out.getvalue()
        assert "min_ts_for_add: 50 windows, 25 of them entered" in text
        assert "15.0 R     5.0 R    3.00" in text

    def test_prints_json(self) -> None:
        record_chances(won=15, lost=10)
        out = io.StringIO()

        call_command("gate_evidence", "--json", stdout=out)

        rows = {row["alternative"]: row for row in map(json.loads, out.getvalue().splitlines())}
        assert len(rows) == 8
        assert (rows["0.55"]["is_candidate"], rows["0.55"]["ratio"]) == (True, 3.0)

    def test_says_how_windows_come_where_there_are_none(self) -> None:
        out = io.StringIO()

        call_command("gate_evidence", stdout=out)

        assert "POST /api/v1/telemetry/episodes/" in out.getvalue()
