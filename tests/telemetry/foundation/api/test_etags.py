"""Entity tags of If-None-Match are read as RFC 9110 asks, and as providers send them."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from telemetry.foundation.api.etags import held_tags


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("", []),
        ('"a"', ['"a"']),
        ('W/"a", "b"', ['"a"', '"b"']),
        ("a", ['"a"']),
        (" , ", []),
    ],
)
def test_tags_are_read_weak_strong_and_without_quotation_marks(header: str, tags: list[str]) -> None:
    request = RequestFactory().get("/", headers={"If-None-Match": header})

    assert held_tags(request) == tags
