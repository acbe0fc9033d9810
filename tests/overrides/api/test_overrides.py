from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from overrides.core.engine.definitions.override_spec import OverrideSpec
from tests.api_clients import PROBLEM, client_of, fields_of
from tests.builders import make_spec, publish

pytestmark = pytest.mark.django_db

URL = "/api/v1/overrides/"
ALLOCATION: dict[str, Any] = {
    "type": "dm_alloc", "module": "dm", "pattern_key": "dm_pattern.allocation.allocation",
    "action_category": "allocation", "scope": {"chain": "base"},
}  # fmt: skip


@pytest.fixture
def api() -> APIClient:
    return client_of("read")


def of_dm() -> OverrideSpec:
    return make_spec({"alloc_mult": 1.1}, **ALLOCATION)


def ids(response: Any) -> list[str]:
    return [row["override"]["id"] for row in response.json()["results"]]


class TestList:
    def test_holds_what_is_in_force(self, api: APIClient) -> None:
        old, new = make_spec({"size_mult": 1.1}), make_spec({"size_mult": 1.2})
        publish(old)
        publish(new)

        assert api.get(URL).json()["results"] == [
            {
                "line": new.line,
                "source": "person",
                "override": new.to_document(),
                "from_version": 2,
                "to_version": None,
                "path_from": None,
                "path_since": None,
            }
        ]

    def test_goes_back_to_a_version(self, api: APIClient) -> None:
        old = make_spec({"size_mult": 1.1})
        publish(old)
        publish(make_spec({"size_mult": 1.2}))

        rows = api.get(f"{URL}?module=pm&version=1").json()["results"]

        assert [(row["override"]["id"], row["from_version"], row["to_version"]) for row in rows] == [
            (old.content_id, 1, 2)
        ]

    @pytest.mark.parametrize(
        ("chosen", "found"),
        [
            ({"module": "dm"}, ["dm"]),
            ({"pattern_key": "rsi.long.dip"}, ["add"]),
            ({"action_category": "entry"}, ["entry"]),
            ({"type": "pm_strength"}, ["add", "entry"]),
            ({"type": "pm_tuning"}, []),
        ],
    )
    def test_keeps_to_what_a_filter_names(self, api: APIClient, chosen: dict[str, str], found: list[str]) -> None:
        specs = {
            "entry": make_spec(),
            "add": make_spec(pattern_key="rsi.long.dip", action_category="add"),
            "dm": of_dm(),
        }
        publish(specs["entry"], specs["add"])
        publish(specs["dm"], module="dm")

        assert set(ids(api.get(URL, chosen))) == {specs[name].content_id for name in found}

    @pytest.mark.parametrize(
        ("query", "words"), [("version=1", "send `module` with it"), ("module=pm&version=7", "pm has no version 7")]
    )
    def test_refuses_a_version_that_is_none(self, api: APIClient, query: str, words: str) -> None:
        publish(make_spec())

        response = api.get(f"{URL}?{query}")

        assert (response.status_code, fields_of(response)) == (400, ["version"])
        assert words in response.json()["errors"][0]["message"]


class TestOne:
    def test_reports_its_content_its_weight_and_its_versions(self, api: APIClient) -> None:
        spec = make_spec()
        publish(spec)
        publish(withdraw=[spec.line])

        body = api.get(f"{URL}{spec.content_id}/").json()

        assert (body["line"], body["override"]) == (spec.line, spec.to_document())
        assert (body["source"], body["created_at"]) == ("person", "2026-03-02T12:00:00Z")
        assert body["is_in_force"] is False
        assert [(held["from_version"], held["to_version"]) for held in body["memberships"]] == [(1, 2)]
        weighing = body["weighing"]
        assert (weighing["combiner"], weighing["floor"], weighing["fresh"]) == ("plan", 0.02, 0.125)
        assert weighing["factors"][-1]["product"] == pytest.approx(weighing["total"])
        assert weighing["acts"] is (weighing["total"] >= weighing["floor"])

    def test_is_in_force_while_the_active_version_holds_it(self, api: APIClient) -> None:
        spec = make_spec()
        publish(spec)

        assert api.get(f"{URL}{spec.content_id}/").json()["is_in_force"] is True

    @pytest.mark.parametrize("name", ["0" * 64, "0" * 63, "x" * 64, "1"])
    def test_that_nobody_stored_is_answered_404(self, api: APIClient, name: str) -> None:
        response = api.get(f"{URL}{name}/")

        assert (response.status_code, response["Content-Type"]) == (404, PROBLEM)
