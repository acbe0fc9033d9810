"""Two sessions at the same moment, by hand and without the product's locks: one of them sees the other, or waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from overrides.models import ChangeRequest, LineHold, Membership, Version
from overrides.versions.publish import store_override
from tests.builders import NOW, attempt, wait_until, waits_for_lock
from tests.bypass.ways.conftest import furnish
from tests.bypass.ways.forgery import LINE, Act, Forgery, audited, size, sql, vote
from tests.people import somebody

pytestmark = pytest.mark.django_db(transaction=True)

NEW = size(1.1, {"trend": "Bad"})
EARLY = "SET CONSTRAINTS version_is_decided, veto_takes_out IMMEDIATE"


@pytest.fixture(autouse=True)
def there(transactional_db: None) -> None:
    furnish()
    store_override(NEW, source="lesson", at=NOW)


def veto(line: str) -> Act:
    def place() -> None:
        LineHold.objects.create(line_id=line, kind="veto", reason="x", placed_by=somebody(), placed_at=NOW)
        audited(f"line {line}")

    return place


def at_once(first: Act, second: Act, *, early: bool = False) -> Any:
    """Begin the first, let the second run until it waits, commit the first; return what became of the second."""
    found: list[Any] = []

    def run() -> None:
        with transaction.atomic():
            second()

    thread = threading.Thread(target=lambda: found.append(attempt(run)))
    with transaction.atomic():
        first()
        if early:
            sql(EARLY)
        thread.start()
        wait_until(waits_for_lock, "the second to wait for the first")
    thread.join()
    return found[0]


@pytest.mark.parametrize("early", [False, True])
def test_a_line_is_not_published_while_it_is_vetoed(early: bool) -> None:
    refusal = at_once(veto(NEW.line), Forgery(brings=(NEW,)), early=early)

    assert f"a veto stands on line {NEW.line}" in str(refusal)
    assert not Membership.objects.filter(line_id=NEW.line).exists()


@pytest.mark.parametrize("early", [False, True])
def test_a_line_is_not_vetoed_while_it_is_published(early: bool) -> None:
    refusal = at_once(Forgery(brings=(NEW,)), veto(NEW.line), early=early)

    assert f"line {NEW.line}: a veto takes it out of force in the same transaction" in str(refusal)
    assert not LineHold.objects.filter(kind="veto").exists()


def signed() -> Forgery:
    forgery = Forgery(brings=(size(1.1),))
    with transaction.atomic():
        vote(forgery.draft())
        ChangeRequest.objects.filter(pk=forgery.asked.pk).update(state="approved")
    forgery.voters = ()
    return forgery


def applied(forgery: Forgery) -> Callable[[], None]:
    def apply() -> None:
        ChangeRequest.objects.filter(pk=forgery.asked.pk).update(state="applied", closed_at=NOW)
        audited(f"request {forgery.asked.pk}")
        forgery.publish()

    return apply


def test_a_request_is_not_applied_while_its_only_approver_rejects_it() -> None:
    forgery = signed()

    refusal = at_once(lambda: vote(forgery.asked, decision="reject"), applied(forgery))

    assert "has 0 of 1 approvals of its content by others than its author" in str(refusal)
    assert Version.objects.get(module="pm", is_active=True).number == 3


def test_a_request_is_not_rejected_while_it_is_applied() -> None:
    forgery = signed()

    refusal = at_once(applied(forgery), lambda: vote(forgery.asked, decision="reject"))

    assert "a vote is on the content as it stands, while it is open" in str(refusal)
    assert Version.objects.get(module="pm", is_active=True).number == 4


def test_two_versions_of_one_line_follow_each_other() -> None:
    """The second counts from what it saw, and is refused by the number that is taken."""
    refusal = at_once(Forgery(brings=(size(1.1),)), Forgery(brings=(size(1.15),)))

    assert isinstance(refusal, Exception), refusal
    assert Membership.objects.get(line_id=LINE, to_version=None).override_id == size(1.1).content_id
