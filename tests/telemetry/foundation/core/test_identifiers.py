from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.foundation.core.identifiers import uuid7, uuid7_time
from tests.telemetry.core.builders import NAIVE

AT = datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)
TIMES = st.datetimes(NAIVE.replace(year=1970), timezones=st.just(UTC))


class TestUuid7:
    def test_begins_as_the_example_of_the_standard(self) -> None:
        """RFC 9562, A.6: 2022-02-22 19:22:22 UTC is 0x017F22E279B0 milliseconds."""
        value = uuid7(AT)

        assert str(value).startswith("017f22e2-79b0-7")
        assert value.version == 7
        assert value.variant == "specified in RFC 4122"

    def test_holds_the_fraction_of_the_millisecond(self) -> None:
        assert str(uuid7(AT + timedelta(microseconds=500)))[14:18] == "7800"  # half of 4096 is 0x800
        assert str(uuid7(AT + timedelta(microseconds=999)))[14:18] == "7ffb"  # 999 * 4096 // 1000 = 4091

    @given(st.lists(TIMES, max_size=20))
    def test_sorts_by_time_then_by_order_of_making(self, times: list[datetime]) -> None:
        made = [(at, uuid7(at)) for at in times]

        assert sorted(made, key=lambda pair: pair[0]) == sorted(made, key=lambda pair: pair[1])

    def test_grows_within_one_instant_even_with_others_between(self) -> None:
        made = [uuid7(AT + timedelta(seconds=index % 3)) for index in range(3000)]

        for offset in range(3):
            same = made[offset::3]
            assert same == sorted(set(same))

    def test_is_unique_and_growing_across_threads(self) -> None:
        with ThreadPoolExecutor(8) as pool:
            batches = list(pool.map(lambda _: [uuid7(AT) for _ in range(2000)], range(8)))

        assert len({value for batch in batches for value in batch}) == 16_000
        assert all(batch == sorted(batch) for batch in batches)

    def test_refuses_naive_times_and_times_before_the_epoch(self) -> None:
        with pytest.raises(ValueError, match="no time zone"):
            uuid7(NAIVE)
        with pytest.raises(ValueError, match="out of range"):
            uuid7(datetime(1969, 12, 31, tzinfo=UTC))


class TestUuid7Time:
    @given(TIMES)
    def test_is_the_time_it_was_made_for_to_the_millisecond(self, at: datetime) -> None:
        assert uuid7_time(uuid7(at)) == at.replace(microsecond=at.microsecond // 1000 * 1000)

    def test_does_not_depend_on_the_zone(self) -> None:
        assert uuid7_time(uuid7(AT.astimezone(timezone(timedelta(hours=-7))))) == AT

    def test_reads_the_example_of_the_standard(self) -> None:
        assert uuid7_time(UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")) == AT

    def test_refuses_ids_without_a_time(self) -> None:
        with pytest.raises(ValueError, match="version 7"):
            uuid7_time(uuid4())
