from __future__ import annotations

from typing import Any

import pytest

from tests.api_clients import PROBLEM, client_of

URL = "/api/v1/stream/"


class TestTheStreamAtTheWebProcess:
    @pytest.mark.django_db
    @pytest.mark.parametrize("accept", ["text/event-stream", "*/*", "application/json"])
    def test_says_to_whoever_listens_where_the_stream_is(self, settings: Any, accept: str) -> None:
        settings.STREAM_URL = "https://stream.example/api/v1/stream/"

        response = client_of("evaluate").get(f"{URL}?module=pm", HTTP_ACCEPT=accept)

        assert (response.status_code, response["Retry-After"], response["Content-Type"]) == (503, "60", PROBLEM)
        assert settings.STREAM_URL in response.json()["detail"]
