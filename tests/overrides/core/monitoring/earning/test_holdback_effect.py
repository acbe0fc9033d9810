"""The contrast of served and held-back positions: unbiased over the draws, and what is concluded from it."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from overrides.core.monitoring.days.confidence_sequence import half_width
from overrides.core.monitoring.earning.earned import Verdict
from overrides.core.monitoring.earning.holdback_effect import Check, ContrastDay, Drawn, contrast_days, holdback_effect


def drawn(draw: list[float], rr: list[float], replayed: list[float], least: float = 20.0, most: float = 20.0) -> Drawn:
    n = len(draw)
    day, low, high = np.zeros(n, np.int64), np.full(n, least), np.full(n, most)
    return Drawn(day, np.array(rr), np.array(replayed), np.array(draw), low, high)


class TestTheContrast:
    def test_is_the_effect_on_average_over_all_draws(self) -> None:
        """Three positions, each with an outcome where it is served and where not; every draw with its chance."""
        served, held, size = (0.7, -1.0, 2.0), (0.5, -0.9, 1.0), (1.1, 0.9, 1.05)
        expected = sum(m * one - other for m, one, other in zip(size, served, held, strict=True))
        mean = 0.0
        for arms in product([True, False], repeat=3):
            chance = math.prod(0.8 if arm else 0.2 for arm in arms)
            rr = [one if arm else other for arm, one, other in zip(arms, served, held, strict=True)]
            replayed = [(m - 1) * each if arm else 0.0 for arm, m, each in zip(arms, size, rr, strict=True)]
            [day] = contrast_days(drawn([50.0 if arm else 10.0 for arm in arms], rr, replayed))
            mean += chance * (day.replayed + day.unseen)

        assert mean == pytest.approx(expected)

    def test_counts_positions_that_only_some_modules_held_back_on_neither_side(self) -> None:
        [day] = contrast_days(drawn([3.0, 7.0, 50.0], [1.0, 1.0, 1.0], [0.0, 0.1, 0.1], least=5.0, most=10.0))

        assert (day.positions, day.served, day.held_back) == (3, 1, 1)
        assert day.replayed == pytest.approx(0.1 / 0.9)

    def test_has_less_noise_where_positions_of_a_day_move_together(self) -> None:
        draw = np.random.default_rng(5)
        days, per_day = 400, 20
        day = np.repeat(np.arange(days), per_day)
        rr = draw.normal(0, 1.0, days)[day] + draw.normal(0, 0.5, days * per_day)
        percent = np.full(len(rr), 20.0)
        rows = Drawn(day, rr, np.zeros(len(rr)), draw.uniform(0, 100, len(rr)), percent, percent)
        found = holdback_effect(contrast_days(rows))

        plain = np.bincount(day, rows.weight * rr)
        interval = found.whole.interval()
        assert interval is not None
        widest = float(half_width(np.array([float(days)]), float(plain.var()))[0]) / per_day
        assert interval.high - interval.mean < 0.6 * widest

    def test_refuses_shares_without_a_chance_of_either_answer(self) -> None:
        with pytest.raises(ValueError, match="chance of either"):
            drawn([1.0], [1.0], [0.0], least=0.0)
        with pytest.raises(ValueError, match="every position"):
            drawn([1.0], [1.0, 2.0], [0.0])


def days_of(n: int, unseen: float = 0.0, swing: float = 3.0, held_back: int = 4) -> list[ContrastDay]:
    return [ContrastDay(day, 20, 20 - held_back, held_back, 4.0, 0.5, unseen + swing * (-1) ** day) for day in range(n)]


class TestWhatIsConcluded:
    def test_is_nothing_from_few_days_or_positions(self) -> None:
        for days in (days_of(20), days_of(60, held_back=1)):
            found = holdback_effect(days)

            assert (found.verdict, found.check) == (Verdict.TOO_FEW_DAYS, Check.TOO_FEW_DAYS)
            assert found.months_needed(0.05) is None

    def test_is_whether_the_outcomes_differ(self) -> None:
        assert holdback_effect(days_of(60)).check is Check.NO_DIFFERENCE
        assert holdback_effect(days_of(60, unseen=-5.0)).check is Check.DIFFERENCE
        assert holdback_effect(days_of(60, unseen=-5.0)).verdict is Verdict.LOSES

    def test_states_the_months_that_are_missing_at_this_rate(self) -> None:
        found = holdback_effect(days_of(60))
        months, smaller = found.months_needed(0.05), found.months_needed(-0.025)

        assert months is not None
        assert smaller is not None
        in_all = [60 + each * 365.25 / 12 for each in (months, smaller)]  # days
        assert 3 * in_all[0] < in_all[1] < 5 * in_all[0]
        assert found.months_needed(10.0) == 0.0
        assert found.months_needed(1e-7) is None

    def test_counts_days_without_trades_among_the_months(self) -> None:
        seldom = [ContrastDay(3 * each.day, *_rest(each)) for each in days_of(61)]
        often, rare = (holdback_effect(days).months_needed(0.05) for days in (days_of(61), seldom))

        assert often is not None
        assert rare == pytest.approx(often * 181 / 61)


def _rest(each: ContrastDay) -> tuple[int, int, int, float, float, float]:
    return each.positions, each.served, each.held_back, each.expected_held_back, each.replayed, each.unseen
