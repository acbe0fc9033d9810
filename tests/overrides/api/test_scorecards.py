"""Scorecards over the API."""

from __future__ import annotations

from datetime import datetime

import pytest

from overrides.models import Scorecard
from overrides.monitoring.scoring.scorecards import score
from tests.api_clients import client_of
from tests.builders import publish, set_mode
from tests.overrides.monitoring.scoring.touched_world import attribute, promising, served_trade

ADDRESS = "/api/v1/scorecards/"


@pytest.fixture
def scored(db: None, now: datetime) -> None:
    publish(promising(0.2))
    set_mode("on")
    served_trade("t1", 1.5)
    attribute()
    score(now=now)


@pytest.mark.usefixtures("scored")
class TestScorecards:
    def test_are_listed_by_group_with_null_for_what_is_not_shown(self) -> None:
        [found] = client_of("read").get(ADDRESS, {"group": "line"}).json()["results"]

        assert (found["trades"], found["promised"], found["realised"]) == (1, 0.2, None)
        assert found["earned"] == pytest.approx(0.03)

    def test_are_listed_page_by_page(self) -> None:
        first = client_of("read").get(ADDRESS, {"limit": "4"}).json()
        rest = client_of("read").get(first["next"]).json()

        named = [each["id"] for each in (*first["results"], *rest["results"])]
        assert sorted(named) == sorted(Scorecard.objects.values_list("pk", flat=True))

    def test_one_is_found_by_its_id(self) -> None:
        card = Scorecard.objects.get(group="pattern")

        assert client_of("read").get(f"{ADDRESS}{card.pk}/").json()["name"] == card.name

    def test_an_unknown_one_is_not(self) -> None:
        assert client_of("read").get(f"{ADDRESS}{'0' * 64}/").status_code == 404
