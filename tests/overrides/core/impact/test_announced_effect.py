"""The announced effect against what came true, over simulated requests whose mix depends from day to day.

Each world has a version, a change of it, and five weeks of logged requests. Which scopes are asked for follows a slow
process, and so does the number of requests. The effect is announced from the first three weeks.
"""

from __future__ import annotations

import json
import math
import random
from functools import cache
from statistics import fmean
from typing import NamedTuple

from overrides.core.engine.compile_module import compile_module
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.impact.daily_effect import AHEAD, MOST_DAYS, WIDEST, EffectBand
from overrides.core.impact.version_pair import VersionSide
from overrides.core.impact.what_if import Comparison
from tests.builders import DAY, KEY, NOW, make_parameters, make_spec

WORLDS = 120
A_DAY = 14
PHASES = ("Dip", "Good", "Recover", "Euphoria")
BUCKETS = ("big", "mid", "micro")


class Outcome(NamedTuple):
    """The band that was announced, and the mean change of ln exposure in the two weeks after."""

    band: EffectBand
    realised: float


def side(specs: list[OverrideSpec]) -> VersionSide:
    parameters = make_parameters()
    return VersionSide(compile_module(parameters, specs), frozenset(parameters.protected_motifs))


def line(chance: random.Random) -> OverrideSpec:
    scope = {"macro_phase": chance.choice(PHASES)}
    if chance.random() < 0.7:
        scope["bucket"] = chance.choice(BUCKETS)
    return make_spec({"size_mult": math.exp(chance.choice((-1, 1)) * chance.uniform(0.005, 0.1))}, scope=scope)


def world(chance: random.Random) -> Outcome:
    before = {each.line: each for each in (line(chance) for _ in range(chance.randint(0, 4)))}
    after = before | {each.line: each for each in (line(chance) for _ in range(chance.randint(1, 5)))}
    announced, realised = (
        Comparison("pm", side([*before.values()]), side([*after.values()]), is_whole=True) for _ in range(2)
    )
    moods = [chance.gauss(0, 1) for _ in PHASES]
    for day in range(MOST_DAYS + AHEAD):
        moods = [0.5 * mood + 0.87 * chance.gauss(0, 1) for mood in moods]
        at = NOW + DAY * day
        for _ in range(max(1, round(chance.gauss(A_DAY, 4)))):
            phase = chance.choices(PHASES, [math.exp(mood) for mood in moods])[0]
            scope = json.dumps({"macro_phase": phase, "bucket": chance.choice(BUCKETS)})
            if day < MOST_DAYS:
                announced.add_request(KEY, "entry", scope, at, {}, as_of=NOW + DAY * MOST_DAYS)
            else:
                realised.add_request(KEY, "entry", scope, at, {})
    band = announced.daily.band()
    assert band is not None
    return Outcome(band, realised.document()["exposure"]["mean_ln"])


@cache
def outcomes() -> list[Outcome]:
    chance = random.Random(20_261_130)
    return [world(chance) for _ in range(WORLDS)]


def test_lies_inside_the_band_in_at_least_85_of_100_requests() -> None:
    assert fmean(each.band.low - 1e-12 <= each.realised <= each.band.high + 1e-12 for each in outcomes()) >= 0.85


def test_has_a_band_of_at_most_four_median_daily_deviations() -> None:
    """Effects that move answers on few days are left out: their median day has none."""
    for each in outcomes():
        if each.band.moves_most_days:
            assert each.band.high - each.band.low <= WIDEST * each.band.deviation + 1e-12
    assert fmean(each.band.moves_most_days for each in outcomes()) > 0.8


def test_has_the_right_sign_where_the_band_excludes_zero() -> None:
    named = [each for each in outcomes() if each.band.low > 0 or each.band.high < 0]

    assert len(named) > WORLDS / 4
    assert all(each.band.mean * each.realised > 0 for each in named)
