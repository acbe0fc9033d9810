"""Worlds that are written once for the tests of a file or a class, of which each is undone by itself.

The world is written in a transaction that stays open; pytest-django begins a savepoint for each test and rolls it back.
To the rules of the database this is what it is to a test that writes its world itself: one transaction, whose deferred
triggers have run.

    @pytest.fixture(scope="module", autouse=True)  # or scope="class", for classes that ask for it
    def world(shared: Shared) -> Iterator[None]:
        with shared(furnish):
            yield

Share a world where several tests begin with the same writes. Do not share it

- where a test commits (`transaction=True`), or where a second connection or process has to see the world;
- where a test is about an empty table or about the moment of a write;
- by objects, which remember rights and relations of the test before: each test reads its own.

Whichever test runs while a world stands has to ask for it, so no test finds rows by the order of tests alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

Shared = Callable[[Callable[[], object]], AbstractContextManager[None]]

_standing: list[str] = []  # the names of what wrote the worlds that stand now


@contextmanager
def world_of(furnish: Callable[[], object], django_db_blocker: Any) -> Iterator[None]:
    """Let what `furnish` writes stand until the block ends; inside the block the database is closed to other code."""
    from django.db import transaction

    from tests.people import as_committed

    with django_db_blocker.unblock():
        transaction_of_world = transaction.atomic()
        transaction_of_world.__enter__()
    _standing.append(furnish.__qualname__)
    try:
        with django_db_blocker.unblock():
            furnish()
            as_committed()
        yield
    finally:
        _standing.pop()
        with django_db_blocker.unblock():
            transaction.set_rollback(True)
            transaction_of_world.__exit__(None, None, None)


def refuse_uninvited(request: pytest.FixtureRequest) -> None:
    """Fail a test that runs in a world it did not ask for, or that would commit within one."""
    if not _standing:
        return
    mark = request.node.get_closest_marker("django_db")
    if "transactional_db" in request.fixturenames or (mark is not None and mark.kwargs.get("transaction")):
        pytest.fail(f"the world of {', '.join(_standing)} is not committed, so nothing within can be", pytrace=False)
    if "shared" not in request.fixturenames:
        pytest.fail(f"the world of {', '.join(_standing)} stands, and this test does not ask for it", pytrace=False)
