from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from config.demo.shift_dates import WEEK, shift, shifted, shifted_episode

END = datetime(2024, 9, 6, tzinfo=UTC)


class TestShift:
    @given(st.timedeltas(timedelta(days=-2000), timedelta(days=20_000)))
    def test_ends_the_bars_within_the_week_before_installation(self, since: timedelta) -> None:
        installed_at = END + since

        delta = shift(END, installed_at)

        assert delta % WEEK == timedelta(0)
        assert timedelta(0) <= installed_at - (END + delta) < WEEK


class TestShifted:
    def test_moves_every_time_and_nothing_else(self, trades: list[dict[str, Any]]) -> None:
        delta = shift(END, datetime(2026, 3, 1, tzinfo=UTC))
        trade = trades[4000]

        moved = shifted(trade, delta)

        assert moved["external_id"] == trade["external_id"]
        assert datetime.fromisoformat(moved["opened_at"]) - datetime.fromisoformat(trade["opened_at"]) == delta
        assert datetime.fromisoformat(moved["closed_at"]) - datetime.fromisoformat(trade["closed_at"]) == delta
        for after, before in zip(moved["actions"], trade["actions"], strict=True):
            times = {"at", "known_at"} & before.keys()
            for name in times:
                assert datetime.fromisoformat(after[name]) - datetime.fromisoformat(before[name]) == delta
            assert {**after, **dict.fromkeys(times)} == {**before, **dict.fromkeys(times)}
        assert sum("known_at" in action for action in moved["actions"]) >= 2


class TestShiftedEpisode:
    def test_moves_every_time_and_nothing_else(self) -> None:
        episode = {
            "episode_id": "e", "started_at": "2024-02-01T00:00:00Z", "ended_at": "2024-02-03T00:00:00Z",
            "windows": [{
                "started_at": "2024-02-01T00:00:00Z", "ended_at": "2024-02-02T00:00:00Z",
                "known_at": "2024-02-05T00:00:00Z", "samples": [{"at": "2024-02-01T04:00:00Z", "scores": {"ts": 0.5}}],
            }],
        }  # fmt: skip

        moved = shifted_episode(episode, WEEK)

        assert repr(moved) == repr(episode).replace("2024-02-0", "2024-02-").replace("02-1T", "02-08T").replace(
            "02-2T", "02-09T"
        ).replace("02-3T", "02-10T").replace("02-5T", "02-12T")
