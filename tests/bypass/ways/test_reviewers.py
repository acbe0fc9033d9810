"""Who may decide: an active person with the permission itself, by name and app, directly or by a group of theirs."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType

from overrides.core.governance.permissions import REVIEW
from overrides.models import ChangeRequest
from tests.bypass.ways.forgery import HONEST, refused, vote
from tests.people import make_person, settled

pytestmark = [pytest.mark.usefixtures("market"), pytest.mark.django_db]

MAY_NOT = "person [0-9]+ may not review"
PEOPLE = {
    "by_group": HONEST,
    "directly": HONEST,
    "superuser": HONEST,
    "nobody": MAY_NOT,
    "of_another_group": MAY_NOT,
    "of_a_group_that_looks": MAY_NOT,
    "looker": MAY_NOT,
    "inactive": MAY_NOT,
    "inactive_by_group": MAY_NOT,
    "inactive_superuser": MAY_NOT,
    "of_another_app": MAY_NOT,
    "by_group_of_another_app": MAY_NOT,
}


@pytest.fixture
def people() -> None:
    """Create a person of every kind, beside those who may review anyway."""
    review = Permission.objects.get(content_type__app_label="overrides", codename=REVIEW.partition(".")[2])
    look = Permission.objects.get(content_type__app_label="overrides", codename="view_changerequest")
    make_person("directly", REVIEW)
    make_person("superuser", is_superuser=True)
    make_person("by_group", groups=("board",))
    make_person("nobody")
    make_person("of_another_group", groups=("empty",))
    make_person("of_a_group_that_looks", groups=("lookers",))
    make_person("looker", "overrides.view_changerequest")
    make_person("inactive", REVIEW, is_active=False)
    make_person("inactive_by_group", groups=("board",), is_active=False)
    make_person("inactive_superuser", is_superuser=True, is_active=False)
    make_person("of_another_app")
    make_person("by_group_of_another_app", groups=("other app",))
    with settled():
        other = ContentType.objects.get_for_model(User)
        same_name = Permission.objects.create(content_type=other, codename=review.codename, name="x")
        User.objects.get(username="of_another_app").user_permissions.add(same_name)
        for group, permission in (("board", review), ("lookers", look), ("other app", same_name)):
            Group.objects.get(name=group).permissions.add(permission)


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("name", PEOPLE)
def test_who_may_vote(name: str) -> None:
    refused(lambda: vote(ChangeRequest.objects.get(state="in_review"), name), PEOPLE[name])
