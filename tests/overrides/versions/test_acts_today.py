"""In force and acts today are two figures, as of one hour."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from overrides.versions.acts_today import ActsToday, acting_ids, acts_today
from tests.builders import DAY, NOW, make_parameters, make_spec, publish

pytestmark = pytest.mark.django_db

HEAVY, LIGHT = make_spec(), make_spec(scope={"bucket": "micro"}, stats={"variance": 5})


class TestActsToday:
    def test_is_nothing_before_the_first_version(self) -> None:
        assert acts_today("pm", NOW) == ActsToday(0, 0)

    def test_leaves_out_what_is_below_the_minimum(self) -> None:
        publish(HEAVY, LIGHT)

        assert acts_today("pm", NOW) == ActsToday(2, 1)
        assert acting_ids("pm", NOW) == [HEAVY.content_id]

    def test_is_that_of_the_hour(self) -> None:
        """The override falls below the floor after 165 days."""
        publish(HEAVY)

        counted = [acts_today("pm", NOW + DAY * days + timedelta(minutes=m)) for days, m in ((164, 59), (166, 0))]

        assert [each.acting for each in counted] == [1, 0]

    def test_follows_a_new_version(self) -> None:
        publish(HEAVY, LIGHT)
        acts_today("pm", NOW)

        publish(parameters=make_parameters({"weights": {"min_total_weight": 0.0}}))
        assert acts_today("pm", NOW) == ActsToday(2, 2)
        publish(withdraw=[HEAVY.line])
        assert acts_today("pm", NOW) == ActsToday(1, 1)

    def test_reads_a_version_once(self, django_assert_num_queries: Any) -> None:
        publish(HEAVY, LIGHT)
        acts_today("pm", NOW)

        with django_assert_num_queries(1):  # of the version in force
            acts_today("pm", NOW + DAY)
