"""Samples of decisions: bounded, the same whatever the order, and spread over all that was read."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from overrides.core.impact.decision_sample import MOST_SAMPLED, DecisionSample

IDS = st.lists(st.uuids(), unique=True, max_size=40)


def sampled(ids: list[UUID], most: int) -> list[UUID]:
    sample = DecisionSample(most)
    for each in ids:
        sample.add(each)
    return sample.ids()


@given(IDS, st.integers(1, 50), st.data())
def test_are_the_same_in_any_order_and_hold_no_more_than_allowed(
    ids: list[UUID], most: int, data: st.DataObject
) -> None:
    found = sampled(ids, most)

    assert found == sampled(data.draw(st.permutations(ids)), most)
    assert len(found) == min(most, len(ids))
    assert set(found) <= set(ids)


def test_come_from_all_parts_of_what_was_read() -> None:
    ids = [UUID(int=number << 64) for number in range(10_000)]

    found = sampled(ids, MOST_SAMPLED)

    for start in range(0, 10_000, 1_000):
        assert sum(start <= each.int >> 64 < start + 1_000 for each in found) >= 5
