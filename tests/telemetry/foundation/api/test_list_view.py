from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from telemetry.api.outcomes import OutcomesView
from telemetry.decisions.decision_log import record_decisions
from telemetry.models import Outcome
from telemetry.recording.record_trades import record_trades
from tests.api_clients import client_of, faults, fields_of, pages
from tests.builders import DAY, NOW, action_payload, make_decision, make_trade, make_trades
from tests.world import make_world

pytestmark = pytest.mark.django_db

LISTS = ("trades", "outcomes", "decisions", "cells", "lessons", "overrides", "versions", "requests")


@pytest.fixture
def api() -> APIClient:
    return client_of("read")


class TestWalk:
    @pytest.mark.parametrize("name", LISTS)
    def test_meets_every_row_once_at_one_a_page(self, api: APIClient, name: str) -> None:
        make_world()
        whole = api.get(f"/api/v1/{name}/").json()

        walked = list(pages(api, f"/api/v1/{name}/?limit=1"))

        assert whole["next"] is None
        assert [row for page in walked for row in page] == whole["results"]
        assert {len(page) for page in walked} == {1}

    @pytest.mark.parametrize("name", ["trades", "outcomes", "decisions"])
    def test_is_not_shifted_by_rows_that_arrive(self, api: APIClient, name: str) -> None:
        record_trades(make_trades([1.0] * 7), now=NOW)
        record_decisions([make_decision() for _ in range(7)])
        listed = api.get(f"/api/v1/{name}/").json()["results"]

        met = []
        for number, page in enumerate(pages(api, f"/api/v1/{name}/?limit=2")):
            met += page
            record_trades(make_trades([2.0], prefix=f"later{number}-"), now=NOW)
            record_decisions([make_decision()])

        assert met == listed

    def test_keeps_the_filters(self, api: APIClient) -> None:
        record_trades([*make_trades([1.0] * 3), make_trade("live", book="live")], now=NOW)

        books = [row["book"] for page in pages(api, "/api/v1/trades/?limit=2&book=paper") for row in page]

        assert books == ["paper"] * 3

    def test_separates_trades_that_closed_together(self, api: APIClient) -> None:
        record_trades([make_trade(f"t{number}") for number in range(9)], now=NOW)

        names = [row["external_id"] for page in pages(api, "/api/v1/trades/?limit=4") for row in page]

        assert sorted(names) == [f"t{number}" for number in range(9)]

    def test_of_nothing_is_one_empty_page(self, api: APIClient) -> None:
        assert [list(pages(api, f"/api/v1/{name}/")) for name in LISTS] == [[[]]] * len(LISTS)


class TestCursor:
    @pytest.mark.parametrize(
        "words",
        [None, [], ["1", "2"], [1], [["1"]], {"id": "1"}, ["-1"], ["9" * 30], ["x"], [None], "1"],
    )
    def test_of_another_shape_is_refused(self, api: APIClient, words: object) -> None:
        cursor = base64.urlsafe_b64encode(json.dumps(words).encode()).decode()

        response = api.get("/api/v1/cells/", {"cursor": cursor})

        assert (response.status_code, fields_of(response), faults(response)) == (400, ["cursor"], [])

    def test_of_another_list_is_refused(self, api: APIClient) -> None:
        record_trades(make_trades([1.0] * 3), now=NOW)
        cursor = api.get("/api/v1/outcomes/?limit=1").json()["next"].partition("cursor=")[2]

        response = api.get(f"/api/v1/trades/?cursor={cursor}")

        assert (response.status_code, fields_of(response)) == (400, ["cursor"])


class TestLimit:
    @pytest.mark.parametrize("limit", ["0", "-1", "1001", "1e9", "", "1.0"])
    def test_is_bounded(self, api: APIClient, limit: str) -> None:
        response = api.get("/api/v1/trades/", {"limit": limit})

        assert (response.status_code, fields_of(response), faults(response)) == (400, ["limit"], [])
        assert "1 to 1000" in response.json()["errors"][0]["message"]

    @pytest.mark.parametrize("name", LISTS)
    def test_does_not_change_the_number_of_queries(
        self, api: APIClient, name: str, django_assert_max_num_queries: Any
    ) -> None:
        make_world()
        api.get("/api/v1/modes/")  # loads the keys and records the first use

        with django_assert_max_num_queries(7):  # three of them begin, limit and end the transaction
            response = api.get(f"/api/v1/{name}/")

        assert response.json()["results"]


class TestFilters:
    def test_narrow_by_pattern_and_time(self, api: APIClient) -> None:
        other = action_payload(pattern_key="rsi.long.dip")
        record_trades([*make_trades([1.0, 2.0, 3.0]), make_trade("dip", actions=[other])], now=NOW)

        by_key = api.get("/api/v1/outcomes/?pattern_key=rsi.long.dip").json()["results"]
        by_time = api.get("/api/v1/outcomes/", {"until": (NOW - 2 * DAY).isoformat()}).json()["results"]
        of_trades = api.get("/api/v1/trades/?pattern_key=rsi.long.dip").json()["results"]

        assert [row["external_id"] for row in by_key] == ["dip"]
        assert [row["external_id"] for row in by_time] == ["t000"]
        assert [row["external_id"] for row in of_trades] == ["dip"]

    def test_that_contradict_find_nothing(self, api: APIClient) -> None:
        record_trades(make_trades([1.0]), now=NOW)

        assert api.get("/api/v1/outcomes/?module=dm&action_category=entry").json()["results"] == []


@pytest.mark.django_db(transaction=True)
class TestSlowStatement:
    def test_is_answered_503_and_gives_the_connection_back(
        self, api: APIClient, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.API_STATEMENT_SECONDS = 0.1
        slow = Outcome.objects.extra(where=["pg_sleep(5) IS NOT NULL"])
        record_trades(make_trades([1.0]), now=NOW)
        with monkeypatch.context() as patch:
            patch.setattr(OutcomesView, "rows", slow)
            response = api.get("/api/v1/outcomes/")

        assert (response.status_code, response["Content-Type"]) == (503, "application/problem+json")
        assert "stopped after 0.1 s; ask for less" in response.json()["detail"]
        assert len(api.get("/api/v1/outcomes/").json()["results"]) == 1
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("0",)
