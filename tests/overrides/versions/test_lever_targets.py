from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.definitions.levers import LEVERS
from overrides.models import Override
from overrides.versions.lever_targets import columns_of, lever_targets
from tests.builders import make_spec, publish

TARGETS = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.floats(0.7, 1.3), max_size=20)


class TestColumns:
    @given(targets=TARGETS)
    def test_are_in_the_order_of_a_plain_sort(self, targets: Mapping[str, float]) -> None:
        lever = LEVERS["size_mult"]
        names = sorted(targets)
        values = [targets[name] for name in names]

        found = columns_of(lever, np.array(names, "S64"), list(range(len(names))), values)

        assert found.slice_of(0, 99) == sorted(names, key=lambda name: (-abs(lever.unit(targets[name])), name))
        assert (found.above, found.below) == (sum(each > 1 for each in values), sum(each < 1 for each in values))
        if values:
            assert found.mean == pytest.approx(float(np.prod(values)) ** (1 / len(values)))

    def test_of_no_override_have_no_mean(self) -> None:
        found = columns_of(LEVERS["entry_delay_bars"], np.array([], "S64"), [], [])

        assert (len(found), found.mean, found.slice_of(0, 9)) == (0, None, [])

    def test_of_a_linear_lever_have_the_arithmetic_mean(self) -> None:
        found = columns_of(LEVERS["min_ts_for_add"], np.array([b"a", b"b"], "S64"), [0, 1], [0.5, 0.6])

        assert found.mean == pytest.approx(0.55)


@pytest.mark.django_db
class TestTargets:
    def test_are_those_of_every_lever_in_force_in_every_module(self, django_assert_num_queries: object) -> None:
        allocation = {"module": "dm", "type": "dm_alloc", "action_category": "allocation"}
        entry = make_spec({"size_mult": 1.2, "entry_aggression_mult": 1.1})
        trim = make_spec({"size_mult": 0.75}, action_category="trim")
        publish(entry, trim)
        publish(
            make_spec({"alloc_mult": 1.1}, **allocation, pattern_key="dm_pattern.allocation.allocation"), module="dm"
        )

        found = lever_targets()

        assert {name: len(each) for name, each in found.items() if len(each)} == {
            "alloc_mult": 1, "size_mult": 2, "entry_aggression_mult": 1,
        }  # fmt: skip
        assert found["size_mult"].slice_of(0, 2) == [trim.content_id, entry.content_id]
        with django_assert_num_queries(1):  # type: ignore[operator]  # untyped fixture
            assert lever_targets().keys() == LEVERS.keys()

    def test_follow_the_next_version(self) -> None:
        line = make_spec({"size_mult": 1.2})
        publish(line)
        assert len(lever_targets()["size_mult"]) == 1

        publish(withdraw=[line.line])

        assert len(lever_targets()["size_mult"]) == 0
        assert Override.objects.filter(line_id=line.line).exists()
