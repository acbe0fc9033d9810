"""The band of an effect: by hand, its coverage on days that go together, and what it needs."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.impact.daily_effect import AHEAD, DailyEffect, DayTotal, prediction_band, student_quantile

FIRST = date(2026, 3, 2)
# Of Student's t for .95, from the tables: degrees of freedom -> quantile.
TABLE = {7: 1.8946, 10: 1.8125, 15: 1.7531, 30: 1.6973, 120: 1.6577}


class TestBand:
    def test_by_hand(self) -> None:
        """Eight days of one decision, four at .01 and four at .03: mean .02, s = .01 sqrt(8/7)."""
        days = [DayTotal(1, 0.01), DayTotal(1, 0.03), DayTotal(1, 0.03), DayTotal(1, 0.01)] * 2

        band = prediction_band(days)

        assert band is not None
        half = 1.8946 * 0.01 * math.sqrt(8 / 7) * math.sqrt(1 / 14 + 1 / 8)
        assert band.mean == pytest.approx(0.02)
        assert band.days == 8
        assert band.high - band.mean == pytest.approx(half, rel=2e-3)
        assert band.mean - band.low == pytest.approx(half, rel=2e-3)

    def test_is_wider_where_neighbouring_days_go_together(self) -> None:
        apart = [DayTotal(1, 0.01 * (-1) ** day) for day in range(16)]
        together = [DayTotal(1, 0.01 if day < 8 else -0.01) for day in range(16)]

        narrow, wide = prediction_band(apart), prediction_band(together)

        assert narrow is not None
        assert wide is not None
        assert wide.high - wide.low > 2 * (narrow.high - narrow.low)

    def test_spans_at_most_four_median_deviations(self) -> None:
        """Of twenty days one is extraordinary; the others lie .01 to either side of 0."""
        days = [DayTotal(1, 0.01 * (-1) ** day) for day in range(20)] + [DayTotal(1, 5.0)]

        band = prediction_band(days)

        assert band is not None
        assert band.high - band.low == pytest.approx(4 * band.deviation)
        assert band.moves_most_days

    def test_of_an_effect_on_few_days_spans_more_than_the_deviation_of_a_day_without_one(self) -> None:
        days = [DayTotal(1, 0.1 * (-1) ** day if day % 5 == 0 else 0.0) for day in range(20)]

        band = prediction_band(days)

        assert band is not None
        assert not band.moves_most_days
        assert band.high - band.low > 4 * band.deviation

    def test_weighs_days_by_their_decisions(self) -> None:
        band = prediction_band([DayTotal(100, 1.0)] * 7 + [DayTotal(1, 1.0)])

        assert band is not None
        assert band.mean == pytest.approx(8 / 701)

    @pytest.mark.parametrize("dependence", [0.0, 0.5])
    def test_covers_the_next_two_weeks_nine_times_in_ten(self, dependence: float) -> None:
        generator = np.random.default_rng(20_261_129)
        inside, runs = 0, 600
        for _ in range(runs):
            shocks = generator.standard_t(5, 21 + AHEAD)
            days = np.empty_like(shocks)
            days[0] = shocks[0]
            for day in range(1, len(days)):
                days[day] = dependence * days[day - 1] + shocks[day]
            counts = generator.integers(20, 60, len(days))
            totals = [DayTotal(int(n), float(n * value)) for n, value in zip(counts, 0.001 * days, strict=True)]
            band = prediction_band(totals[:21])
            assert band is not None
            after = totals[21:]
            realised = sum(day.total for day in after) / sum(day.n for day in after)
            inside += band.low <= realised <= band.high

        assert 0.85 <= inside / runs <= 0.96

    @given(st.lists(st.tuples(st.integers(1, 50), st.floats(-1, 1)), min_size=8, max_size=40))
    def test_holds_its_own_mean_and_is_finite(self, days: list[tuple[int, float]]) -> None:
        band = prediction_band([DayTotal(n, total) for n, total in days])

        assert band is not None
        assert band.low <= band.mean <= band.high
        assert math.isfinite(band.low + band.high)

    @pytest.mark.parametrize(("share_of_days", "spread"), [(0.3, 1.0), (0.6, 1.0), (1.0, 0.3)])
    def test_covers_effects_that_move_answers_on_some_days_only(self, share_of_days: float, spread: float) -> None:
        """As on the demo: heavy tails, of either sign, and days on which no answer changes."""
        generator = np.random.default_rng(20_261_130)
        inside, runs = 0, 2000
        for _ in range(runs):
            values = generator.normal(0.3, spread, 21 + AHEAD) * (generator.random(21 + AHEAD) < share_of_days)
            counts = generator.integers(20, 60, len(values))
            totals = [DayTotal(int(n), float(n * value)) for n, value in zip(counts, 0.001 * values, strict=True)]
            band = prediction_band(totals[:21])
            assert band is not None
            after = totals[21:]
            realised = sum(day.total for day in after) / sum(day.n for day in after)
            inside += band.low <= realised <= band.high

        assert 0.85 <= inside / runs <= 0.97

    def test_names_the_right_sign_where_it_excludes_zero(self) -> None:
        generator = np.random.default_rng(7)
        named = right = 0
        for _ in range(400):
            days = 0.001 * generator.normal(generator.choice((-1, 1)) * 0.5, 1.0, 21 + AHEAD)
            totals = [DayTotal(30, float(30 * value)) for value in days]
            band = prediction_band(totals[:21])
            assert band is not None
            if band.low > 0 or band.high < 0:
                named += 1
                right += band.mean * sum(days[21:]) > 0

        assert named > 60
        assert right / named > 0.93  # of so weak an effect a fortnight itself has the other sign in 3 of 100 cases


class TestDailyEffect:
    def test_rests_on_the_newest_three_weeks(self) -> None:
        effect = DailyEffect()
        for day in range(40):
            effect.add(FIRST + timedelta(days=day), 0.0 if day >= 18 else 1.0)

        band = effect.band()

        assert band is not None
        assert (band.days, band.mean) == (21, 0.0)

    def test_takes_days_that_are_whole_as_they_are(self) -> None:
        effect = DailyEffect(is_whole=True)
        for day in range(8):
            effect.add(FIRST + timedelta(days=day), 0.1)

        band = effect.band()

        assert band is not None
        assert band.days == 8
        assert band.mean == pytest.approx(0.1)

    def test_leaves_out_the_days_in_which_the_log_is_cut(self) -> None:
        effect = DailyEffect()
        for day in range(10):
            effect.add(FIRST + timedelta(days=day), 1.0 if day in (0, 9) else 0.0)

        band = effect.band()

        assert band is not None
        assert (band.days, band.mean, band.high) == (8, 0.0, 0.0)

    def test_has_no_band_from_fewer_than_eight_whole_days(self) -> None:
        effect = DailyEffect()
        for day in range(9):
            effect.add(FIRST + timedelta(days=day), 0.1)

        assert effect.band() is None
        assert len(effect.whole_days) == 7


@pytest.mark.parametrize(("degrees", "quantile"), TABLE.items())
def test_students_quantile_is_that_of_the_tables(degrees: int, quantile: float) -> None:
    assert student_quantile(0.95, degrees) == pytest.approx(quantile, abs=0.002)
