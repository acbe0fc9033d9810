"""The verdict on a run, from its four voices: found, twins, walk-forward and the count of tests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from learning.core.significance.verdict import (
    VERIFIED,
    Verdict,
    Voices,
    WalkVoice,
    chance_of,
    sentence_of,
    verdict_of,
    voices_document,
)

ABOVE, AROUND, BELOW = WalkVoice(8.3, 7.4, 9.2), WalkVoice(0.0, -1.0, 1.0), WalkVoice(-3.0, -4.0, -2.0)
CLEAR = Voices(found=40, twins=(0, 1, 0, 2, 0), walk=ABOVE, tested=1_200)


class TestVerdict:
    def test_is_an_edge_where_all_voices_agree(self) -> None:
        assert verdict_of(CLEAR) is Verdict.EDGE

    @pytest.mark.parametrize("walk", [None, AROUND, BELOW, WalkVoice(1.0, None, None)])
    def test_is_undecided_beyond_noise_without_a_walk_forward_above_zero(self, walk: WalkVoice | None) -> None:
        assert verdict_of(replace(CLEAR, walk=walk)) is Verdict.UNDECIDED

    @pytest.mark.parametrize("found", [0, 1, 7, 12])
    def test_is_noise_up_to_the_largest_twin_whatever_the_walk_forward(self, found: int) -> None:
        assert verdict_of(replace(CLEAR, found=found, twins=(11, 12, 8, 7, 7))) is Verdict.NOISE

    def test_is_noise_where_one_more_than_the_largest_twin_happens_by_chance(self) -> None:
        assert verdict_of(replace(CLEAR, found=54, twins=(50, 51, 53, 52, 50))) is Verdict.NOISE
        assert verdict_of(replace(CLEAR, found=1, twins=(0, 0, 0, 0, 0))) is Verdict.NOISE
        assert verdict_of(replace(CLEAR, found=2, twins=(0, 0, 0, 0, 0))) is Verdict.EDGE

    def test_is_undecided_where_noise_explains_more_than_half(self) -> None:
        assert verdict_of(replace(CLEAR, found=100, twins=(60, 62, 58, 60, 60))) is Verdict.UNDECIDED

    def test_is_undecided_by_fewer_than_five_twins(self) -> None:
        assert verdict_of(replace(CLEAR, twins=(0, 1))) is Verdict.UNDECIDED

    def test_is_open_without_twins(self) -> None:
        assert verdict_of(replace(CLEAR, twins=())) is Verdict.UNTESTED

    def test_is_green_for_an_edge_alone(self) -> None:
        assert [each for each in Verdict if each.allows_green] == [Verdict.EDGE]
        assert [each for each in Verdict if each.tone == "valid"] == [Verdict.EDGE]


class TestChance:
    def test_is_certain_of_none_and_falls_with_the_count(self) -> None:
        chances = [chance_of(found, (3, 4, 5)) for found in range(20)]

        assert chances[0] == pytest.approx(1.0)
        assert chances == sorted(chances, reverse=True)

    def test_of_thousands_is_a_probability(self) -> None:
        assert 0.4 < chance_of(50_000, (50_000,) * 5) < 0.6


class TestSentence:
    @pytest.mark.parametrize(
        ("runs", "days", "words"),
        [
            (None, 0, "1,200 tested cells, while"),
            (1, 1, "1,200 tested cells by the first run, while"),
            (3, 3, "1,200 tested cells by the newest of 3 runs, while"),
            (1_700, 70, "1,200 tested cells by the newest of 1,700 runs (1,630 of them repeated a day), while"),
        ],
    )
    def test_counts_the_runs_and_how_many_repeated_a_day(self, runs: int | None, days: int, words: str) -> None:
        assert words in sentence_of(replace(CLEAR, runs=runs, days=days))

    @pytest.mark.parametrize(
        ("voices", "sentence"),
        [
            (
                CLEAR,
                "Edge beyond noise: 40 lessons were found in 1,200 tested cells, while the same search finds up to 2 "
                "in shuffled outcomes (5 noise twins), and the walk-forward is above zero (+8.3 R per 1,000 trades, 95 "
                "% +7.4 to +9.2).",
            ),
            (
                replace(CLEAR, found=1, twins=(0,), walk=BELOW, tested=1, what=VERIFIED),
                "Indistinguishable from noise: 1 verified lesson was found in 1 tested cell, while the same search "
                "finds none in shuffled outcomes (1 noise twin), and the walk-forward is below zero "
                "(\N{MINUS SIGN}3.0 R per 1,000 trades, 95 % \N{MINUS SIGN}4.0 to \N{MINUS SIGN}2.0).",
            ),
            (
                replace(CLEAR, found=0, twins=(2,), tested=None),
                "Indistinguishable from noise: no lesson was found, while the same search finds up to 2 in shuffled "
                "outcomes (1 noise twin), although the walk-forward is above zero (+8.3 R per 1,000 trades, 95 % +7.4 "
                "to +9.2).",
            ),
            (
                Voices(3),
                "Not compared with noise yet: 3 lessons were found, no noise twin (the same search in shuffled "
                "outcomes) has been counted, and no walk-forward has been run.",
            ),
        ],
    )
    def test_names_every_voice(self, voices: Voices, sentence: str) -> None:
        assert sentence_of(voices) == sentence

    def test_gives_no_sign_to_an_uplift_that_rounds_to_zero(self) -> None:
        walk = WalkVoice(-0.01, -0.18, 0.04)

        assert str(walk) == "0.0 R per 1,000 trades, 95 % \N{MINUS SIGN}0.2 to 0.0"

    def test_is_stored_with_the_voices(self) -> None:
        document = voices_document(CLEAR)

        assert (document["verdict"], document["tone"]) == ("edge", "valid")
        assert document["sentence"] == sentence_of(CLEAR)
        assert document["walk"] == {"mean": 8.3, "low": 7.4, "high": 9.2}
