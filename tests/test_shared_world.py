from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.people import make_person
from tests.shared_world import Shared, refuse_uninvited, world_of


@pytest.fixture(scope="class")
def ada(shared: Shared) -> Iterator[None]:
    with shared(lambda: make_person("ada")):
        yield


def names() -> list[str]:
    return list(User.objects.values_list("username", flat=True))


@pytest.mark.usefixtures("ada", "db")
class TestAWorld:
    @pytest.mark.parametrize("guest", ["bob", "cy"])
    def test_is_as_it_was_written_for_each_test(self, guest: str) -> None:
        assert names() == ["ada"]

        make_person(guest)


def test_is_gone_with_its_class(db: None) -> None:
    assert names() == []


@pytest.mark.django_db
def test_is_closed_to_tests_that_did_not_ask_for_it(request: pytest.FixtureRequest, django_db_blocker: Any) -> None:
    with (
        world_of(lambda: make_person("ada"), django_db_blocker),
        pytest.raises(pytest.fail.Exception, match="does not ask for it"),
    ):
        refuse_uninvited(request)


@pytest.mark.django_db(transaction=True)
def test_is_closed_to_tests_that_commit(request: pytest.FixtureRequest, django_db_blocker: Any) -> None:
    with (
        world_of(lambda: make_person("ada"), django_db_blocker),
        pytest.raises(pytest.fail.Exception, match="is not committed"),
    ):
        refuse_uninvited(request)
