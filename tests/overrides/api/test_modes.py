from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from tests.api_clients import client_of
from tests.builders import make_spec, publish, set_mode

pytestmark = pytest.mark.django_db

URL = "/api/v1/modes/"


@pytest.fixture
def api() -> APIClient:
    return client_of("evaluate")


class TestModes:
    def test_report_how_each_module_is_served(self, api: APIClient) -> None:
        publish(make_spec())
        publish(make_spec({"size_mult": 1.2}))
        set_mode("on", rollout_percent=50.0, allow={"bucket": ["micro"]}, challenger=1)

        dm, pm = api.get(URL).json()["results"]

        assert pm == {
            "module": "pm",
            "mode": "on",
            "rollout_percent": 50.0,
            "allow": {"bucket": ["micro"]},
            "challenger": 1,
            "holdback_percent": 0.0,
            "arms": {},
            "active_version": 2,
            "revision": 1,
            "changed_at": "2026-03-02T12:00:00Z",
            "changed_by": "somebody",
            "reason": "because",
        }
        assert (dm["module"], dm["mode"], dm["active_version"], dm["revision"]) == ("dm", "off", None, 0)
        assert (dm["changed_at"], dm["changed_by"]) == (None, "")

    def test_are_answered_304_while_nothing_changed(self, api: APIClient) -> None:
        set_mode("shadow")
        etag = api.get(URL)["ETag"]

        response = api.get(URL, HTTP_IF_NONE_MATCH=etag)

        assert (response.status_code, response.content, response["ETag"]) == (304, b"", etag)
        assert response["Cache-Control"] == "private, no-cache"

    @pytest.mark.parametrize("change", [lambda: set_mode("on"), lambda: publish(make_spec())])
    def test_are_answered_whole_once_something_did(self, api: APIClient, change: object) -> None:
        set_mode("shadow")
        etag = api.get(URL)["ETag"]
        assert callable(change)
        change()

        response = api.get(URL, HTTP_IF_NONE_MATCH=etag)

        assert response.status_code == 200
        assert response["ETag"] != etag

    def test_take_no_parameter(self, api: APIClient) -> None:
        response = api.get(f"{URL}?module=pm")

        assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "module")
