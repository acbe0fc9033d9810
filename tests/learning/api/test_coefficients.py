from __future__ import annotations

from datetime import datetime

import pytest
from rest_framework.test import APIClient

from learning.coefficients.coefficient_evidence import measure_coefficients
from learning.coefficients.coefficient_memory import update_coefficients
from learning.models import Coefficient
from tests.api_clients import bearer, new_key
from tests.learning.coefficients.test_coefficient_memory import allocated, record

pytestmark = pytest.mark.django_db

URL = "/api/v1/coefficients/"


@pytest.fixture
def api(now: datetime) -> APIClient:
    record(allocated("t", 2.0, 1, {"chain": "base"}), allocated("u", 1.0, 2, {"chain": "sol", "curator": "a"}))
    record(allocated("v", 1.0, 2, {"chain": "base"}))
    update_coefficients(now=now)
    return bearer(new_key("read"))


def names(api: APIClient, **query: str) -> set[str]:
    return {f"{row['lever']}={row['value']}" for row in api.get(URL, query).json()["results"]}


class TestList:
    def test_holds_the_row_in_the_words_of_the_reader(self, api: APIClient, now: datetime) -> None:
        measure_coefficients(now=now)
        row = Coefficient.objects.get(key="base")

        (found,) = api.get(URL, {"value": "base"}).json()["results"]

        assert row.low is not None
        assert found == {
            "id": row.pk, "module": "dm", "lever": "chain", "value": "base", "weight": row.weight,
            "short_mean": row.rr_short, "long_mean": row.rr_long, "n": 2, "as_of": "2026-03-02T12:00:00Z",
            "effective_days": row.effective_days, "low": row.low, "high": row.high, "walk_gain": None,
            "measured_at": "2026-03-02T12:00:00Z",
        }  # fmt: skip

    def test_is_narrowed_by_lever_and_trades(self, api: APIClient) -> None:
        assert names(api) == {"all=", "chain=base", "chain=sol", "curator=a"}
        assert names(api, lever="chain") == {"chain=base", "chain=sol"}
        assert names(api, lever="all") == {"all="}
        assert names(api, min_n="2") == {"all=", "chain=base"}

    def test_refuses_a_lever_that_is_none(self, api: APIClient) -> None:
        response = api.get(URL, {"lever": "colour"})

        assert response.status_code == 400
        assert [each["field"] for each in response.json()["errors"]] == ["lever"]
