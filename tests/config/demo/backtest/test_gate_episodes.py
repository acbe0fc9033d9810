"""Episodes from bars: recorded as they are, with near misses, by scores of closed bars and results of plain replays."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from config.demo.backtest.gate_episodes import USUAL, gate_episodes
from config.demo.backtest.market_states import S1, S3, UNDEFINED, courses, states
from config.demo.market.times import utc_at
from telemetry.core.episodes import Episode, parse_episode
from telemetry.core.gates import Gate
from telemetry.core.market_context.bars import Bars
from telemetry.core.market_context.indicators import LONG, SHORT, Indicators
from telemetry.core.market_context.market import Market
from tests.config.demo.backtest.naive import naive_trade
from tests.telemetry.core.market_context.builders import random_bars

GATES = {name: Gate(name, ("entry", "add"), 0.0, 1.0) for name in USUAL}
NOW = datetime(2025, 1, 1, tzinfo=UTC)
SIDES = {"long": LONG, "short": SHORT}


@pytest.fixture(scope="module")
def bars() -> Bars:
    return random_bars(21, 2500, volatility=0.02)


@pytest.fixture(scope="module")
def payloads(bars: Bars) -> list[dict[str, Any]]:
    market = Market.of([bars])
    return [each for side in SIDES.values() for each in gate_episodes([bars], USUAL, market=market, side=side)]


@pytest.fixture(scope="module")
def episodes(payloads: list[dict[str, Any]]) -> list[Episode]:
    return [parse_episode(each, gates=GATES, now=NOW) for each in payloads]


def test_are_recorded_as_they_are_and_hold_every_kind_of_window(episodes: list[Episode]) -> None:
    kinds: Counter[Any] = Counter((each.episode_type.value, each.side) for each in episodes)
    outcomes: Counter[Any] = Counter(window.outcome for each in episodes for window in each.windows)

    assert min(kinds[kind, side] for kind in ("s1_entry", "s3_retest") for side in SIDES) >= 5
    assert min(outcomes[name] for name in ("success", "failure", "missed", "correct_skip")) >= 2


def test_hold_near_misses_of_every_gate(episodes: list[Episode]) -> None:
    blocked = Counter(name for each in episodes for window in each.windows for name in window.blocked_by)

    assert blocked.keys() >= {"min_ts_for_add", "min_dx_for_add", "slope_ok"}


def test_give_every_sample_the_result_of_a_plain_loop(bars: Bars, episodes: list[Episode]) -> None:
    indicators = Indicators.of(bars)
    number = {utc_at(int(end)): bar for bar, end in enumerate(bars.end)}
    compared = 0
    for episode in episodes[::3]:
        side = SIDES[str(episode.side)]
        for window in episode.windows:
            for sample in window.samples[::5]:
                bar = number[f"{sample.at:%Y-%m-%dT%H:%M:%SZ}"]
                one = naive_trade(bars, indicators, bar, side)
                assert sample.scores["ts"] == pytest.approx(indicators.ts[side][bar], abs=1e-6)
                if sample.rr is not None:
                    assert one is not None
                    assert sample.rr == pytest.approx(one.rr, abs=1e-6)
                    assert window.known_at is not None
                    assert window.known_at.timestamp() >= bars.end[one.exit_bar]
                    compared += 1
    assert compared > 100


def test_know_nothing_of_later_bars_but_results(bars: Bars, payloads: list[dict[str, Any]]) -> None:
    cut = 1800
    before = bars.where(np.arange(len(bars)) < cut)
    last = utc_at(int(before.end[-1]))
    market = Market.of([bars])
    found = [each for side in SIDES.values() for each in gate_episodes([before], USUAL, market=market, side=side)]

    expected = [_seen(each) for each in payloads if each["ended_at"] <= last]
    assert [_seen(each) for each in found] == expected
    assert len(expected) > 20


def _seen(payload: dict[str, Any]) -> dict[str, Any]:
    """Return an episode without what is only known after it."""
    later = {"rr", "known_at", "trimmed_at"}

    def without(document: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in document.items() if name not in later}

    windows = [without(each) | {"samples": [without(one) for one in each["samples"]]} for each in payload["windows"]]
    return payload | {"windows": windows}


def test_tell_a_gate_without_a_lever_by_whether_it_was_open(bars: Bars, payloads: list[dict[str, Any]]) -> None:
    fewer = gate_episodes([bars], {"min_ts_for_add": 0.6}, market=Market.of([bars]))
    parsed = [parse_episode(each, gates=GATES, now=NOW) for each in fewer]

    whole = [each for each in payloads if each["side"] == "long"]
    assert [[w.get("entered_at") for w in e["windows"]] for e in fewer] == [
        [w.get("entered_at") for w in e["windows"]] for e in whole
    ]
    assert {name for each in parsed for w in each.windows for s in w.samples for name in s.gates} == {
        "slope_ok", "risk_ok", "dx_ok", "edx_ok",
    }  # fmt: skip


@pytest.mark.parametrize("side", [LONG, SHORT])
def test_courses_are_the_runs_of_a_plain_loop(bars: Bars, side: int) -> None:
    indicators = Indicators.of(bars)
    found = states(indicators, side)
    assert (found[:200] == UNDEFINED).all()
    for bar in range(200, len(bars), 7):
        fast, middle, slow = (side * each[bar] for each in (indicators.ema20, indicators.ema50, indicators.ema200))
        assert found[bar] == (0 if fast <= middle else S1 if middle <= slow else S3)
    for course in courses(found):
        assert set(found[course.first : course.end]) == {course.state}
        assert found[course.first - 1] != course.state != found[course.end] == course.then
