"""The content hash that is computed in pieces is that of the whole content."""

from __future__ import annotations

import pytest

from overrides.core.engine.definitions.content_hash import content_hash
from overrides.models import Membership
from overrides.versions.content_digest import content_digest
from overrides.versions.load_version import in_version
from tests.builders import make_parameters, make_spec, publish

pytestmark = pytest.mark.django_db


def whole(number: int) -> str:
    """Return the hash of a version's content, computed at once."""
    rows = Membership.objects.filter(in_version(number), module="pm").order_by("override_id")
    held = [[row.override_id, row.path and row.path.to_document()] for row in rows]
    return content_hash(["p", {"curator=é": 1.0}, held])


class TestContentDigest:
    def test_is_the_hash_of_the_whole_content(self) -> None:
        publish(*(make_spec(scope={"bucket": f"b{number}"}) for number in range(40)))

        assert content_digest("pm", 1, "p", {"curator=é": 1.0}) == (whole(1), 40)

    def test_covers_ramps(self) -> None:
        ramping = [
            make_spec(
                {"size_mult": 1.2, "entry_aggression_mult": 1.00001}, policy="evidence", scope={"bucket": f"b{number}"}
            )
            for number in range(3)
        ]
        publish(*ramping, parameters=make_parameters({"policy": "evidence", "combiner": "evidence"}))

        assert Membership.objects.exclude(path_since=None).count() == 3
        assert content_digest("pm", 1, "p", {"curator=é": 1.0}) == (whole(1), 3)

    def test_is_of_the_memberships_of_the_version_alone(self) -> None:
        first, second = make_spec(), make_spec(scope={"bucket": "nano"})
        publish(first)
        publish(second, withdraw=[first.line])

        assert [content_digest("pm", number, "p", {"curator=é": 1.0}) for number in (1, 2)] == [
            (whole(1), 1), (whole(2), 1)
        ]  # fmt: skip

    def test_is_that_of_an_empty_list_without_overrides(self) -> None:
        assert content_digest("pm", 7, "p", {}) == (content_hash(["p", {}, []]), 0)
