"""The verdict on what a run of a learning method found: edge, noise, or neither (docs/method.md 6.4).

Four voices are heard together, so that no page says yes where another says no: how many lessons the run found, how
many the same search finds in permuted outcomes, what the method gained in the walk-forward, and how many cells it
tested. Pages and badges ask `verdict_of` and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from telemetry.foundation.core.number_text import signed_fixed

LEVEL = 0.05  # largest probability at which as many lessons in permuted outcomes count as unlikely
FINEST = 3  # decimals of an uplift in R per 1,000 trades below which it is nothing
MOST_NOISE = 0.5  # largest share of the lessons found that noise may explain where the verdict is an edge
LESSON, VERIFIED = "lesson", "verified lesson"  # what a run counts
FEWEST_TWINS = 5  # noise twins without which there is no edge: one twin is beaten by luck every second time


class Verdict(StrEnum):
    """What the voices agree on."""

    EDGE = "edge"
    UNDECIDED = "undecided"
    NOISE = "noise"
    UNTESTED = "untested"

    @property
    def label(self) -> str:
        """The verdict as pages write it."""
        return LABELS[self]

    @property
    def tone(self) -> str:
        """The word whose badge has the colour of the verdict: only an edge is green, and noise is grey."""
        return TONES[self]

    @property
    def allows_green(self) -> bool:
        """Whether a page may show a lesson of the run as good; otherwise its badges are grey."""
        return self is Verdict.EDGE


LABELS: Mapping[Verdict, str] = {
    Verdict.EDGE: "edge beyond noise",
    Verdict.UNDECIDED: "not decided",
    Verdict.NOISE: "indistinguishable from noise",
    Verdict.UNTESTED: "not compared with noise yet",
}

TONES: Mapping[Verdict, str] = {
    Verdict.EDGE: "valid",
    Verdict.UNDECIDED: "warns",
    Verdict.NOISE: "noise",
    Verdict.UNTESTED: "untested",
}


@dataclass(frozen=True)
class WalkVoice:
    """The walk-forward uplift in R per 1,000 trades, with its 95 % band; None where the days do not suffice."""

    mean: float
    low: float | None
    high: float | None

    @property
    def is_above(self) -> bool:
        """Whether the whole band lies above zero, by as much as is printed."""
        return self.low is not None and round(self.low, FINEST) > 0

    @property
    def is_below(self) -> bool:
        """Whether the whole band lies below zero, by as much as is printed."""
        return self.high is not None and round(self.high, FINEST) < 0

    def __str__(self) -> str:
        mean = f"{self.text(self.mean)} R per 1,000 trades"
        if self.low is None or self.high is None:
            return mean
        return f"{mean}, 95 % {self.text(self.low)} to {self.text(self.high)}"

    def text(self, value: float) -> str:
        """Return one of the three figures with one decimal, or with more where that would hide on which side all lie.

        >>> WalkVoice(0.02, 0.01, 0.03).text(0.01), WalkVoice(0.02, -0.01, 0.05).text(-0.01)
        ('+0.010', '0.0')
        """
        is_hidden = (self.is_above or self.is_below) and round(value, 1) == 0
        return signed_fixed(value, FINEST if is_hidden else 1)


@dataclass(frozen=True)
class Voices:
    """What is known of a run.

    found      lessons that the run found, of the kind that the twins count
    twins      lessons that the same search found in each set of permuted outcomes
    walk       result of the walk-forward; None if there is none
    tested     cells that the run tested; None if they were not kept
    what       the name of what is counted, in the singular
    among      the name of what was tested
    runs       runs of the search so far, this one included; None if they were not counted
    days       days on which there were runs; further runs of a day search nearly the same facts again
    """

    found: int
    twins: tuple[int, ...] = ()
    walk: WalkVoice | None = None
    tested: int | None = None
    what: str = LESSON
    among: str = "tested cell"
    runs: int | None = None
    days: int = 0

    @property
    def most_in_noise(self) -> int:
        """The largest number of lessons found in a noise twin; 0 without twins."""
        return max(self.twins, default=0)


def verdict_of(voices: Voices) -> Verdict:
    """Return the verdict on a run.

    Noise: a twin finds as many lessons, or noise would make as many too often. Edge: noise explains at most half of
    them, and the walk-forward lies above zero. What is beyond noise and no edge is undecided.

    >>> verdict_of(Voices(found=8, twins=(11, 14, 8, 9, 8), walk=WalkVoice(8.3, 7.4, 9.2)))
    <Verdict.NOISE: 'noise'>
    >>> verdict_of(Voices(found=40, twins=(0, 1, 0, 2, 0), walk=WalkVoice(8.3, 7.4, 9.2)))
    <Verdict.EDGE: 'edge'>
    """
    twins = voices.twins
    if not twins:
        return Verdict.UNTESTED
    if voices.found <= voices.most_in_noise or chance_of(voices.found, twins) > LEVEL:
        return Verdict.NOISE
    is_more_than_noise = sum(twins) / len(twins) <= MOST_NOISE * voices.found and len(twins) >= FEWEST_TWINS
    is_above = voices.walk is not None and voices.walk.is_above
    return Verdict.EDGE if is_more_than_noise and is_above else Verdict.UNDECIDED


def chance_of(found: int, twins: tuple[int, ...]) -> float:
    """Return the probability of at least `found` lessons if the outcomes were one more set of permuted ones, 0 to 1.

    Given the total of all k + 1 counts, each lesson then falls on the outcomes as they were with probability
    1 / (k + 1) (the conditional test of two Poisson means, Przyborowski and Wilenski, Biometrika 1940).

    >>> round(chance_of(1, (0, 0, 0, 0, 0)), 4), round(chance_of(2, (0, 0, 0, 0, 0)), 4)
    (0.1667, 0.0278)
    >>> round(chance_of(54, (50, 51, 53, 52, 50)), 2)
    0.38
    """
    total, share = found + sum(twins), 1 / (len(twins) + 1)
    terms = (
        math.lgamma(total + 1)
        - math.lgamma(each + 1)
        - math.lgamma(total - each + 1)
        + each * math.log(share)
        + (total - each) * math.log1p(-share)
        for each in range(found, total + 1)
    )
    return min(math.fsum(map(math.exp, terms)), 1.0)


def sentence_of(voices: Voices) -> str:
    """Return the verdict with what each voice says, as one sentence.

    >>> walk = WalkVoice(0.0, -1.0, 1.0)
    >>> print(sentence_of(Voices(8, (11, 14, 8, 9, 8), walk, tested=46450, what=VERIFIED, runs=70, days=3)))
    Indistinguishable from noise: 8 verified lessons were found in 46,450 tested cells by the newest of 70 runs (67 of \
them repeated a day), while the same search finds up \
to 14 in shuffled outcomes (5 noise twins), and the walk-forward is not clear of zero (0.0 R per 1,000 trades, \
95 % \u22121.0 to +1.0).
    """
    verdict = verdict_of(voices)
    label = verdict.label[0].upper() + verdict.label[1:]
    return f"{label}: {_found(voices)}, {_in_noise(voices)}, {_walked(voices, verdict)}."


def _found(voices: Voices) -> str:
    count = f"{voices.found:,}" if voices.found else "no"
    verb = "were" if voices.found > 1 else "was"
    of = "" if voices.tested is None else f" in {voices.tested:,} {voices.among}{_s(voices.tested)}"
    return f"{count} {voices.what}{'s' if voices.found > 1 else ''} {verb} found{of}{_by(voices)}"


def _by(voices: Voices) -> str:
    """Return by which run, because who searches often finds more by chance."""
    if voices.runs is None:
        return ""
    if voices.runs <= 1:
        return " by the first run"
    again = max(voices.runs - voices.days, 0)
    repeated = f" ({again:,} of them repeated a day)" if again else ""
    return f" by the newest of {voices.runs:,} runs{repeated}"


def _in_noise(voices: Voices) -> str:
    if not voices.twins:
        return "no noise twin (the same search in shuffled outcomes) has been counted"
    most, n = voices.most_in_noise, len(voices.twins)
    count = "none" if not most else f"up to {most:,}"
    return f"while the same search finds {count} in shuffled outcomes ({n} noise twin{_s(n)})"


def _walked(voices: Voices, verdict: Verdict) -> str:
    walk = voices.walk
    if walk is None:
        return "and no walk-forward has been run"
    if not walk.is_above:
        return f"and the walk-forward is {'below zero' if walk.is_below else 'not clear of zero'} ({walk})"
    joined = "and" if verdict is Verdict.EDGE or verdict is Verdict.UNTESTED else "although"
    return f"{joined} the walk-forward is above zero ({walk})"


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def voices_document(voices: Voices) -> dict[str, Any]:
    """Return the voices with their verdict as JSON values."""
    walk = voices.walk
    return {
        "found": voices.found,
        "twins": list(voices.twins),
        "tested": voices.tested,
        "walk": None if walk is None else {"mean": walk.mean, "low": walk.low, "high": walk.high},
        "what": voices.what,
        "runs": voices.runs,
        "run_days": voices.days,
        "verdict": verdict_of(voices).value,
        "label": verdict_of(voices).label,
        "tone": verdict_of(voices).tone,
        "sentence": sentence_of(voices),
    }
