"""Recording episodes: the same again changes nothing, another body is refused, a correction is the next revision."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from telemetry.core.episodes import Episode as EpisodeValue
from telemetry.core.episodes import parse_episode
from telemetry.models import Episode, EpisodeWindow
from telemetry.recording.record_episodes import receive_episodes, record_episodes
from tests.telemetry.core.builders import NOW
from tests.telemetry.core.episode_builders import (
    GATES,
    HOUR,
    START,
    entered_payload,
    episode_payload,
    sample_payload,
    window_payload,
)

pytestmark = pytest.mark.django_db


def make(episode_id: str = "e1", **over: Any) -> EpisodeValue:
    return parse_episode(episode_payload(episode_id, **over), gates=GATES, now=NOW)


def corrected(**over: Any) -> EpisodeValue:
    return make(revision=2, correction_reason="the result is known now", **over)


class TestRecording:
    def test_keeps_every_window_with_what_follows_from_it(self) -> None:
        windows = [window_payload(retest_index=1), entered_payload(trimmed_at=START.isoformat())]

        (receipt,) = record_episodes([make(windows=windows, ended_in="s0", trade_id="t1")], now=NOW, key="12ab34cd")

        episode = Episode.objects.get()
        assert (receipt.status, episode.outcome, episode.entered) == ("new", "success", True)
        assert (episode.ended_in, episode.trade_id, episode.recorded_by) == ("s0", "t1", "12ab34cd")
        skipped, entered = episode.windows.all()
        assert (skipped.rr, skipped.outcome, skipped.blocked_by) == (0.7, "missed", ["min_ts_for_add"])
        assert (skipped.thresholds, skipped.retest_index) == ({"min_ts_for_add": 0.6}, 1)
        assert skipped.samples["scores"] == {"ts": [0.52, 0.58, 0.4]}
        assert skipped.samples["rr"] == [0.9, 0.7, None]
        assert (entered.decided_at, entered.entered_at, entered.trimmed_at) == (
            START + 2 * HOUR,
            START + 2 * HOUR,
            START,
        )

    def test_the_same_episode_twice_changes_nothing(self) -> None:
        record_episodes([make()], now=NOW)

        receipts = record_episodes([make(), make("e2"), make("e2")], now=NOW + HOUR)

        assert [each.status for each in receipts] == ["unchanged", "new", "unchanged"]
        assert (Episode.objects.count(), EpisodeWindow.objects.count()) == (2, 2)

    def test_another_body_under_the_same_id_is_refused(self) -> None:
        record_episodes([make()], now=NOW)

        (receipt,) = record_episodes([make(symbol="ETH/USDT")], now=NOW)

        assert receipt.status == "refused"
        assert "send revision 2 with a correction_reason" in receipt.refusals[0].message
        assert Episode.objects.get().symbol == "BTC/USDT"

    def test_a_correction_is_the_next_revision_and_counts_in_its_place(self) -> None:
        unknown = [window_payload(samples=[sample_payload()], known_at=None)]
        record_episodes([make(windows=unknown)], now=NOW)

        (receipt,) = record_episodes([corrected()], now=NOW)

        assert receipt.status == "corrected"
        assert Episode.objects.count() == 2
        assert [(each.revision, each.outcome) for each in Episode.objects.current()] == [(2, "missed")]

    def test_a_revision_that_skips_one_is_refused(self) -> None:
        (receipt,) = record_episodes([corrected()], now=NOW)

        assert (receipt.status, receipt.refusals[0].field) == ("refused", "revision")

    def test_intake_names_the_episode_and_writes_none_of_a_batch_with_a_wrong_one(self) -> None:
        with pytest.raises(ValueError, match=r"\[1\]\.windows\[0\]\.thresholds\.size_mult"):
            receive_episodes(
                [episode_payload(), episode_payload("e2", windows=[window_payload(thresholds={"size_mult": 0.6})])],
                gates=GATES,
                now=NOW,
            )

        assert not Episode.objects.exists()


@pytest.mark.parametrize("table", ["telemetry_episode", "telemetry_episodewindow"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET outcome = ''", "DELETE FROM {}"])
def test_nobody_changes_what_is_recorded(table: str, statement: str) -> None:
    record_episodes([make()], now=NOW)

    with pytest.raises(DatabaseError, match="is append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))
