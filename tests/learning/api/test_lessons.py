from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.api_clients import client_of
from tests.builders import HEAVY, KEY, SCOPE, make_lesson

pytestmark = pytest.mark.django_db

URL = "/api/v1/lessons/"


@pytest.fixture
def api() -> APIClient:
    return client_of("read")


class TestLesson:
    def test_tells_what_stands_out_and_where_it_would_go(self, api: APIClient) -> None:
        lesson = make_lesson({"size_mult": 1.1})

        assert api.get(URL).json()["results"] == [
            {
                "id": lesson.pk,
                "line_id": lesson.line_id,
                "type": "pm_strength",
                "policy": "plan",
                "module": "pm",
                "pattern_key": KEY,
                "action_category": "entry",
                "scope": SCOPE,
                "n_dims": 2,
                "status": "active",
                "stats": HEAVY | {"edge_raw": 0.8, "n": 40, "variance": 0.5, "baseline": 0.1},
                "edge_raw": 0.8,
                "weight": 0.1,
                "targets": {"size_mult": 1.1},
                "first_as_of": "2026-03-02T12:00:00Z",
                "as_of": "2026-03-02T12:00:00Z",
            }
        ]

    @pytest.mark.parametrize(
        ("chosen", "found"),
        [
            ({"module": "dm"}, ["dm"]),
            ({"pattern_key": "rsi.long.dip"}, ["light"]),
            ({"action_category": "add"}, ["light"]),
            ({"type": "dm_alloc"}, ["dm"]),
            ({"policy": "evidence"}, ["dm"]),
            ({"status": "too_light"}, ["light"]),
            ({"status": "active"}, ["dm", "usual"]),
            ({"status": "withdrawn"}, []),
        ],
    )
    def test_is_left_by_the_filters_that_name_it(
        self, api: APIClient, chosen: dict[str, str], found: list[str]
    ) -> None:
        dm: dict[str, Any] = {
            "type": "dm_alloc", "module": "dm", "pattern_key": "dm_pattern.allocation.allocation",
            "action_category": "allocation", "policy": "evidence", "scope": {"chain": "base"},
        }  # fmt: skip
        made = {
            make_lesson().pk: "usual",
            make_lesson({"alloc_mult_target": 1.1}, **dm).pk: "dm",
            make_lesson(pattern_key="rsi.long.dip", action_category="add", status="too_light").pk: "light",
        }

        assert sorted(made[row["id"]] for row in api.get(URL, chosen).json()["results"]) == found
