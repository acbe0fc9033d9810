from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from config.access.keys import issue_key
from overrides.models import Version
from tests.builders import NOW, make_spec, publish, without_triggers
from tests.people import keeper

pytestmark = pytest.mark.django_db

URL = "/api/v1/versions/"
PROBLEM = "application/problem+json"


@pytest.fixture
def api() -> APIClient:
    _, key = issue_key(name="reader", role="read", owner=keeper(), by=None, at=datetime.now(UTC))
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")


class TestList:
    def test_shows_the_newest_first_without_documents(self, api: APIClient) -> None:
        publish(make_spec())
        publish(make_spec({"size_mult": 1.2}))

        versions = api.get(URL).json()["results"]

        assert [(each["module"], each["number"], each["is_active"]) for each in versions] == [
            ("pm", 2, True),
            ("pm", 1, False),
        ]
        assert "document" not in versions[0]

    def test_lists_one_module_on_request(self, api: APIClient) -> None:
        publish(make_spec())
        publish(module="dm")

        assert [each["module"] for each in api.get(f"{URL}?module=dm").json()["results"]] == ["dm"]
        assert api.get(f"{URL}?module=xx").json()["errors"][0]["field"] == "module"

    @pytest.mark.parametrize("role", ["evaluate", "record", "propose", "read"])
    def test_is_open_to_every_role(self, role: str) -> None:
        _, key = issue_key(name="bot", role=role, owner=keeper(), by=None, at=datetime.now(UTC))

        assert APIClient(HTTP_AUTHORIZATION=f"Bearer {key}").get(URL).status_code == 200

    def test_needs_a_key(self) -> None:
        response = APIClient().get(URL)

        assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")


class TestDocument:
    def test_holds_the_overrides_in_the_plan_s_shape(self, api: APIClient) -> None:
        spec = make_spec()
        publish(spec)

        body = api.get(f"{URL}pm/1/").json()

        assert [each["id"] for each in body["document"]["pattern_strength_overrides"]] == [spec.content_id]
        assert body["document"]["pattern_overrides"] == []
        assert body["parameters"]["channels"]["pm_strength"]["combiner"] == "plan"

    def test_is_rendered_where_it_was_too_large_to_store(self, api: APIClient) -> None:
        publish(make_spec())
        stored = api.get(f"{URL}pm/1/").json()
        with without_triggers():
            Version.objects.update(config_data=None)

        assert api.get(f"{URL}pm/1/").json() == stored

    def test_is_immutable(self, api: APIClient) -> None:
        publish(make_spec())
        before = api.get(f"{URL}pm/1/")

        publish(make_spec({"size_mult": 1.2}))
        after = api.get(f"{URL}pm/1/")

        assert (after.json(), after["ETag"]) == (before.json(), before["ETag"])
        assert "immutable" in after["Cache-Control"]

    def test_is_answered_304_to_who_has_it(self, api: APIClient) -> None:
        publish(make_spec())
        etag = api.get(f"{URL}pm/active/")["ETag"]

        response = api.get(f"{URL}pm/active/", HTTP_IF_NONE_MATCH=f'"other", {etag}')

        assert (response.status_code, response.content) == (304, b"")
        assert response["ETag"] == etag
        assert not etag.startswith("W/")

    def test_of_the_active_version_changes_with_what_is_in_force(self, api: APIClient) -> None:
        publish(make_spec())
        etag = api.get(f"{URL}pm/active/")["ETag"]
        publish(make_spec({"size_mult": 1.2}))

        response = api.get(f"{URL}pm/active/", HTTP_IF_NONE_MATCH=etag)

        assert (response.status_code, response.json()["number"]) == (200, 2)
        assert response["Cache-Control"] == "private, no-cache"

    def test_of_a_republished_content_is_another_document(self, api: APIClient) -> None:
        publish(make_spec())
        publish(at=NOW)

        first, second = (api.get(f"{URL}pm/{number}/")["ETag"] for number in (1, 2))

        assert first != second

    @pytest.mark.parametrize("path", ["pm/7/", "pm/active/", "xx/1/", "pm/999999999/", "pm/99999999999999999999/"])
    def test_that_does_not_exist_is_answered_404(self, api: APIClient, path: str) -> None:
        response = api.get(URL + path)

        assert (response.status_code, response["Content-Type"]) == (404, PROBLEM)


class TestSchema:
    def test_is_valid_and_without_warnings(self, tmp_path: object) -> None:
        call_command("spectacular", "--validate", "--fail-on-warn", "--file", f"{tmp_path}/schema.yml")

    def test_is_served_to_anybody(self) -> None:
        response = APIClient().get("/api/v1/schema/")

        assert response.status_code == 200
        assert response.json()["openapi"].startswith("3.1")
        assert "/api/v1/levers/resolve/" in response.json()["paths"]
