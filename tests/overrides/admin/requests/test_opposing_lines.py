"""Overrides in force that pull the other way are named beside the lines of a request."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User

from tests.builders import draft, make_spec, publish
from tests.overrides.admin.requests.test_request_page import shown

pytestmark = pytest.mark.django_db


class TestOpposingLines:
    def test_are_named_beside_the_line(self, author: User, reviewer: User) -> None:
        inside, outside = make_spec({"size_mult": 1.2}, scope={"macro_phase": "Dip"}), make_spec({"size_mult": 1.3})
        publish(inside, outside)
        request = draft(make_spec({"size_mult": 0.9}, scope={"bucket": "nano"}), author=author, at=datetime.now(UTC))

        text = shown(reviewer, request)

        assert "1 line pulls the other way" in text
        assert f"/admin/overrides/override/{inside.id}/change/" in text
        assert outside.id not in text

    def test_are_those_of_the_version_in_force_when_the_page_is_opened(self, author: User, reviewer: User) -> None:
        inside = make_spec({"size_mult": 1.2}, scope={"macro_phase": "Dip"})
        publish(inside)
        request = draft(make_spec({"size_mult": 0.9}, scope={"bucket": "nano"}), author=author, at=datetime.now(UTC))
        assert "1 line pulls the other way" in shown(reviewer, request)

        publish(withdraw=[inside.line])
        assert "pulls the other way" not in shown(reviewer, request)

        publish(inside)
        assert "1 line pulls the other way" in shown(reviewer, request)
