from __future__ import annotations

import numpy as np
import pytest

from telemetry.core.market_context.bars import HOUR, Bars, four_hours, lengthened, resample
from tests.telemetry.core.market_context.builders import FIRST, bars_of, random_bars

COLUMNS = ("time", "open", "high", "low", "close", "volume")


def without(bars: Bars, *places: int) -> Bars:
    return bars.where(~np.isin(np.arange(len(bars)), places))


class TestResample:
    def test_takes_first_open_highest_high_lowest_low_last_close_and_all_volume(self) -> None:
        bars = bars_of([(1, 4, 1, 2), (2, 3, 0.5, 3), (3, 9, 3, 8), (8, 8, 7, 7)])

        longer = four_hours(bars)

        assert [float(getattr(longer, name)[0]) for name in COLUMNS] == [FIRST, 1, 9, 0.5, 7, 40]

    def test_starts_buckets_on_utc_boundaries_whatever_hour_the_bars_start_in(self) -> None:
        late = without(random_bars(1, 12), 0, 1, 2)

        assert four_hours(late).time.tolist() == [FIRST + 4 * HOUR, FIRST + 8 * HOUR]

    def test_keeps_a_bucket_with_one_missing_hour_and_drops_one_with_two(self) -> None:
        bars = random_bars(1, 12)

        assert len(four_hours(without(bars, 5))) == 3
        assert four_hours(without(bars, 5, 6)).time.tolist() == [FIRST, FIRST + 8 * HOUR]

    def test_drops_the_bucket_that_had_not_ended_with_the_data(self) -> None:
        assert len(four_hours(random_bars(1, 11))) == 2

    def test_needs_half_of_the_five_minute_bars_of_an_hour(self) -> None:
        five = bars_of([(1, 2, 1, 2)] * 36, timeframe="5m")

        assert len(resample(without(five, *range(12, 18)), "1h", at_least=6)) == 3
        assert len(resample(without(five, *range(12, 19)), "1h", at_least=6)) == 2


class TestLengthened:
    five = bars_of([(1, 2, 1, 2)] * (12 * 24), timeframe="5m")

    @pytest.mark.parametrize(("timeframe", "count"), [("5m", 288), ("15m", 96), ("1h", 24), ("4h", 6), ("1d", 1)])
    def test_gives_every_timeframe_that_the_bars_divide(self, timeframe: str, count: int) -> None:
        longer = lengthened(self.five, timeframe)

        assert longer is not None
        assert (longer.timeframe, len(longer)) == (timeframe, count)

    @pytest.mark.parametrize("timeframe", ["1m", "3m"])
    def test_gives_nothing_shorter(self, timeframe: str) -> None:
        assert lengthened(self.five, timeframe) is None

    def test_builds_four_hours_from_hours_that_each_have_half_of_their_bars(self) -> None:
        kept = np.full(288, True)
        kept[12:19] = False  # the second hour keeps five of twelve
        kept[60:67] = False  # as does the sixth
        kept[72:79] = False  # and the seventh

        longer = lengthened(self.five.where(kept), "4h")

        assert longer is not None
        assert longer.time.tolist() == [FIRST + hour * HOUR for hour in (0, 8, 12, 16, 20)]

    def test_keeps_a_newest_bar_that_has_its_parts_though_the_data_ends_within_it(self) -> None:
        longer = lengthened(self.five.where(np.arange(288) < 12 + 6), "1h")

        assert longer is not None
        assert longer.time.tolist() == [FIRST, FIRST + HOUR]


class TestBetween:
    def test_keeps_what_opened_since_and_had_closed_by_then(self) -> None:
        bars = random_bars(1, 10).between(FIRST + HOUR, FIRST + 4 * HOUR + 1)

        assert bars.time.tolist() == [FIRST + HOUR, FIRST + 2 * HOUR, FIRST + 3 * HOUR]
