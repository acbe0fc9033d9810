"""Episodes: what is read, what follows from it, and what is refused with its path."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.core.episodes import Episode, outcome_of, parse_episode
from telemetry.core.gate_windows import WindowOutcome, shut_gates
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.refusal import Refused
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


def parse(payload: Any, field: str = "") -> Episode:
    return parse_episode(payload, gates=GATES, now=NOW, field=field)


def refusals(payload: Any, field: str = "") -> dict[str, str]:
    with pytest.raises(Refused) as refused:
        parse(payload, field)
    return {each.field: each.message for each in refused.value.refusals}


def refused_window(**over: Any) -> dict[str, str]:
    return refusals(episode_payload(windows=[window_payload(**over)]))


class TestWindow:
    def test_that_was_not_entered_is_decided_where_least_was_missing(self) -> None:
        (window,) = parse(episode_payload()).windows

        assert (window.decided_at, window.blocked_by) == (START + 4 * HOUR, ("min_ts_for_add",))
        assert (window.rr, window.outcome) == (0.7, WindowOutcome.MISSED)

    def test_counts_the_distance_from_every_gate(self) -> None:
        # TS .55 misses .60 by half of its cap, and the slope is shut: 1.5. TS .40 alone counts 1, however far it is.
        near = sample_payload(1, 0.55, gates={"slope_ok": False}, rr=1.0)
        far = sample_payload(2, 0.40, gates={"slope_ok": True}, rr=2.0)
        (window,) = parse(episode_payload(windows=[window_payload(samples=[near, far])])).windows

        assert (window.rr, window.blocked_by) == (2.0, ("min_ts_for_add",))

    def test_that_was_entered_is_judged_by_what_its_entry_earned(self) -> None:
        (window,) = parse(episode_payload(windows=[entered_payload(rr=-0.4)])).windows

        assert (window.decided_at, window.blocked_by) == (START + 2 * HOUR, ())
        assert (window.rr, window.outcome) == (-0.4, WindowOutcome.FAILURE)

    def test_is_judged_by_nothing_while_nothing_is_known(self) -> None:
        (window,) = parse(episode_payload(windows=[window_payload(samples=[sample_payload()], known_at=None)])).windows

        assert (window.rr, window.outcome, window.known_at) == (None, None, None)

    def test_of_a_cap_opens_below_it(self) -> None:
        samples = [sample_payload(1, 0.7, scores={"ts": 0.7, "edx": edx}, rr=1.0) for edx in (0.6,)]
        thresholds = {"min_ts_for_add": 0.6, "max_edx_for_add": 0.5}
        (window,) = parse(episode_payload(windows=[window_payload(samples=samples, thresholds=thresholds)])).windows

        assert window.blocked_by == ("max_edx_for_add",)

    def test_accepts_consequences_that_follow(self) -> None:
        told = window_payload(blocked_by=["min_ts_for_add"], outcome="missed")

        assert parse(episode_payload(windows=[told])).digest == parse(episode_payload()).digest


class TestEpisode:
    @pytest.mark.parametrize(
        ("windows", "outcome"),
        [
            ([entered_payload(rr=1.0)], "success"),
            ([entered_payload(rr=-1.0)], "failure"),
            ([entered_payload("a", rr=-1.0), entered_payload("b", rr=1.0)], "success"),
            ([window_payload(), entered_payload(rr=-1.0)], "failure"),
            ([window_payload(samples=[sample_payload(rr=-0.1)])], "correct_skip"),
            ([window_payload(samples=[sample_payload()], known_at=None)], None),
        ],
    )
    def test_has_the_outcome_of_its_windows(self, windows: list[Any], outcome: str | None) -> None:
        found = parse(episode_payload(windows=windows)).outcome

        assert (None if found is None else str(found)) == outcome

    def test_that_reached_s3_and_lost_is_no_success(self) -> None:
        lost = entered_payload(rr=-0.2, action_category="entry")

        assert parse(episode_payload(episode_type="s1_entry", ended_in="s3", windows=[lost])).outcome == "failure"

    def test_has_the_digest_of_its_body_whatever_the_revision(self) -> None:
        first, second = episode_payload(), episode_payload(revision=2, correction_reason="the fee was wrong")
        other = episode_payload(windows=[window_payload(known_at=utc_text(NOW - HOUR))])

        assert parse(first).digest == parse(second).digest != parse(other).digest
        assert parse(json.loads(json.dumps(first))).digest == parse(first).digest


@given(st.lists(st.sampled_from([None, *WindowOutcome]), max_size=6))
def test_an_episode_that_was_entered_is_never_said_to_be_missed(outcomes: list[WindowOutcome | None]) -> None:
    found = outcome_of(outcomes)

    acted = {WindowOutcome.SUCCESS, WindowOutcome.FAILURE}
    assert (found in acted) == bool(acted.intersection(outcomes))
    assert (found is None) == (set(outcomes) <= {None})


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=12),
    st.floats(0, 1),
)
def test_what_is_read_is_what_its_gates_say(samples: list[tuple[float, bool]], threshold: float) -> None:
    """The first sample at which every gate is open is the only entry that is accepted."""
    sent = [sample_payload(h / 4, ts, gates={"slope_ok": is_open}) for h, (ts, is_open) in enumerate(samples)]
    first = next((i for i, (ts, is_open) in enumerate(samples) if ts >= threshold and is_open), None)
    told: dict[str, Any] = {"samples": sent, "known_at": None, "thresholds": {"min_ts_for_add": threshold}}
    if first is None:
        (window,) = parse(episode_payload(windows=[window_payload(**told)])).windows
        assert window.blocked_by
        return
    entered = [window_payload(**told, entered_at=each["at"]) for each in sent]
    (window,) = parse(episode_payload(windows=[entered[first]])).windows
    assert shut_gates(window.samples[first], window.thresholds, GATES) == {}
    for other in [window_payload(**told), *entered[:first], *entered[first + 1 :]]:
        assert refusals(episode_payload(windows=[other]))


class TestRefusal:
    @pytest.mark.parametrize(
        ("window", "field", "words"),
        [
            ({"samples": [sample_payload(h / 4) for h in range(13)]}, "samples", "13 entries; send 1 to 12"),
            ({"samples": []}, "samples", "0 entries"),
            ({"samples": [sample_payload(7)]}, "samples[0].at", "outside its window"),
            ({"samples": [sample_payload(-1)]}, "samples[0].at", "outside its window"),
            ({"samples": [sample_payload(2), sample_payload(2)]}, "samples[1].at", "order of time"),
            ({"samples": [sample_payload(ts=float("nan"))]}, "samples[0].scores.ts", "out of range"),
            ({"samples": [sample_payload(ts=1e999)]}, "samples[0].scores.ts", "out of range"),
            ({"samples": [sample_payload(ts=58.0)]}, "samples[0].scores.ts", "send a score from 0 to 1"),
            ({"samples": [sample_payload(scores={"dx": 0.5})]}, "samples[0].scores.ts", "missing"),
            ({"samples": [sample_payload(gates={"slope_ok": 1})]}, "samples[0].gates.slope_ok", "true or false"),
            ({"samples": [sample_payload(ts=0.7)], "known_at": None}, "samples[0]", "the bot did not act"),
            ({"samples": [sample_payload(rr=1.0)], "known_at": None}, "known_at", "missing"),
            ({"samples": [sample_payload()]}, "known_at", "without an rr"),
            ({"known_at": utc_text(START)}, "known_at", "lies before a sample"),
            ({"known_at": utc_text(NOW + HOUR)}, "known_at", "lies in the future"),
            ({"trimmed_at": utc_text(NOW + HOUR)}, "trimmed_at", "lies in the future"),
            ({"trimmed_at": utc_text(START - HOUR)}, "trimmed_at", "before the window"),
            ({"thresholds": {"size_mult": 0.6}}, "thresholds.size_mult", "is no gate of add"),
            ({"thresholds": {"min_zx_for_add": 0.6}}, "thresholds.min_zx_for_add", "is no gate of add"),
            ({"thresholds": {"min_ox_for_trim": 0.6}}, "thresholds.min_ox_for_trim", "is no gate of add"),
            ({"thresholds": {}}, "thresholds", "names no lever"),
            ({"thresholds": {"min_ts_for_add": 60}}, "thresholds.min_ts_for_add", "out of range"),
            ({"entered_at": utc_text(START)}, "entered_at", "the time of no sample"),
            ({"entered_at": utc_text(START + 4 * HOUR)}, "entered_at", "min_ts_for_add was shut then"),
            ({"blocked_by": ["slope_ok"]}, "blocked_by", "the samples say min_ts_for_add"),
            ({"outcome": "correct_skip"}, "outcome", "it is missed"),
            ({"window_id": "a\0b"}, "window_id", "NUL"),
            ({"scope": {"bucket": ["micro"]}}, "scope.bucket", "not a plain value"),
            ({"action_category": "exit"}, "action_category", "unknown"),
            ({"ended_at": utc_text(START - HOUR)}, "ended_at", "before started_at"),
            ({"ended_at": utc_text(START + 25 * HOUR)}, "ended_at", "after the end of its episode"),
            ({"started_at": utc_text(START - HOUR)}, "started_at", "before its episode"),
            ({"color": "red"}, "color", "unknown field"),
        ],
    )
    def test_names_the_field_of_a_window(self, window: dict[str, Any], field: str, words: str) -> None:
        found = refused_window(**window)

        assert words in found[f"windows[0].{field}"]

    @pytest.mark.parametrize(
        ("episode", "field", "words"),
        [
            ({"ended_at": utc_text(NOW + HOUR)}, "ended_at", "lies in the future"),
            ({"ended_at": utc_text(START - HOUR)}, "ended_at", "before started_at"),
            ({"windows": [window_payload(), window_payload()]}, "windows[1].window_id", "an earlier window's"),
            ({"windows": []}, "windows", "0 entries"),
            ({"episode_type": "s1_entry"}, "windows[0].action_category", "no chance of s1_entry; send entry"),
            ({"revision": 2}, "correction_reason", "missing"),
            ({"correction_reason": "because"}, "correction_reason", "first revision"),
            ({"ended_in": "s4"}, "ended_in", "send one of s0, s1, s2, s3"),
            ({"side": "up"}, "side", "send long or short"),
            ({"episode_id": " e"}, "episode_id", "strip it"),
        ],
    )
    def test_names_the_field_of_an_episode(self, episode: dict[str, Any], field: str, words: str) -> None:
        assert words in refusals(episode_payload(**episode))[field]

    def test_lists_everything_that_is_wrong_under_the_place_of_the_episode(self) -> None:
        bad = window_payload("w2", samples=[sample_payload() | {"at": "noon"}] * 2)

        found = refusals(episode_payload(rr=1, windows=[window_payload(), bad]), "episodes[3]")

        assert found.keys() == {
            "episodes[3].rr", "episodes[3].windows[1].samples[0].at", "episodes[3].windows[1].samples[1].at",
        }  # fmt: skip
