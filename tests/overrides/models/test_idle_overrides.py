"""The mark of overrides that are not in force follows what versions hold."""

from __future__ import annotations

import pytest
from django.db.models import Exists, OuterRef

from overrides.models import IdleOverride, Membership, Override
from overrides.versions.publish import store_override
from tests.builders import NOW, approve_and_apply, draft, make_spec, publish

pytestmark = pytest.mark.django_db


def marked() -> set[str]:
    return set(IdleOverride.objects.values_list("override_id", flat=True))


def out_of_force() -> set[str]:
    held = Exists(Membership.objects.filter(override=OuterRef("pk"), to_version=None))
    return set(Override.objects.filter(~held).values_list("pk", flat=True))


class TestTheMark:
    def test_is_on_an_override_that_was_never_published(self) -> None:
        stored = store_override(make_spec(), source="person", at=NOW)
        store_override(make_spec(), source="person", at=NOW)

        assert marked() == out_of_force() == {stored.pk}

    def test_goes_with_publication_and_comes_with_what_replaces_it(self) -> None:
        first, second = make_spec(), make_spec({"size_mult": 1.2})
        publish(first)
        assert marked() == out_of_force() == set()

        publish(second)
        assert marked() == out_of_force() == {first.content_id}

        publish(withdraw=[second.line])
        assert marked() == out_of_force() == {first.content_id, second.content_id}

    def test_goes_when_an_older_version_comes_back(self) -> None:
        first, second = make_spec(), make_spec({"size_mult": 1.2})
        publish(first)
        publish(second)

        approve_and_apply(draft(kind="rollback", content={"to": 1}))

        assert marked() == out_of_force() == {second.content_id}

    def test_stays_off_an_override_in_force_that_is_stored_again(self) -> None:
        publish(make_spec())

        store_override(make_spec(), source="person", at=NOW)
        Override.objects.bulk_create([Override.objects.get()], ignore_conflicts=True)

        assert marked() == set()
