from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from learning.lessons.aggregate import aggregate_dirty
from telemetry.recording.record_trades import record_trades
from tests.api_clients import client_of
from tests.builders import DAY, KEY, NOW, make_trades

pytestmark = pytest.mark.django_db

URL = "/api/v1/cells/"
GOOD, BAD, BASE = {"macro_phase": "Good"}, {"macro_phase": "Bad"}, {"chain": "base"}


@pytest.fixture
def api() -> APIClient:
    """Return a client; the data are twelve breakouts in a Good phase, ten in a Bad one, and ten allocations."""
    record_trades(make_trades([1.0, -0.5] * 6, scope=GOOD, prefix="good"), now=NOW)
    record_trades(make_trades([0.5] * 10, scope=BAD, prefix="bad"), now=NOW)
    dm: dict[str, Any] = {
        "module": "dm",
        "pattern_key": "dm_pattern.allocation.allocation",
        "action_category": "allocation",
    }
    record_trades(make_trades([2.0] * 10, scope=BASE, prefix="dm", **dm), now=NOW)
    aggregate_dirty(now=NOW)
    return client_of("read")


def found(response: Any) -> list[tuple[str, dict[str, str], int]]:
    rows = [(row["module"], row["scope"], row["n"]) for row in response.json()["results"]]
    return sorted(rows, key=str)


class TestCell:
    def test_holds_the_statistics_of_a_scope(self, api: APIClient) -> None:
        (cell,) = api.get(URL, {"min_n": "12", "n_dims": "1"}).json()["results"]

        assert cell == {
            "module": "pm",
            "pattern_key": KEY,
            "action_category": "entry",
            "scope": GOOD,
            "n_dims": 1,
            "n": 12,
            "mean": pytest.approx(0.25),
            "variance": pytest.approx(0.5625 * 12 / 11),
            "first_closed_at": (NOW - 12 * DAY).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "last_closed_at": "2026-03-01T12:00:00Z",
            "aggregated_at": "2026-03-02T12:00:00Z",
        }

    @pytest.mark.parametrize(
        ("chosen", "expected"),
        [
            ({"module": "dm"}, [("dm", BASE, 10), ("dm", {}, 10)]),
            ({"pattern_key": KEY}, [("pm", BAD, 10), ("pm", GOOD, 12), ("pm", {}, 22)]),
            ({"action_category": "allocation"}, [("dm", BASE, 10), ("dm", {}, 10)]),
            ({"min_n": "12"}, [("pm", GOOD, 12), ("pm", {}, 22)]),
            ({"n_dims": "1"}, [("dm", BASE, 10), ("pm", BAD, 10), ("pm", GOOD, 12)]),
            ({"n_dims": "2"}, []),
        ],
    )
    def test_is_left_by_the_filters_that_name_it(
        self, api: APIClient, chosen: dict[str, str], expected: list[tuple[str, dict[str, str], int]]
    ) -> None:
        assert found(api.get(URL, chosen)) == expected
