"""Evidence is written with its edition, numbered and hashed by the database, and a vote names it and no other."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from overrides.models import ChangeRequest, RequestEvidence, Vote
from tests.builders import NOW
from tests.bypass.ways.forgery import HONEST, Act, Forgery, as_before, refused, size, vote

pytestmark = [pytest.mark.usefixtures("market"), pytest.mark.django_db]

LARGEST, EMPTY = 1_048_576, '{"a": ""}'
WITH_ITS_EDITION = "its evidence is written only with its edition, in one transaction"
AN_OBJECT = "its evidence is a JSON object of at most 1 MiB"
NAMED = "a vote names the evidence that was stored with the edition"


def asked() -> ChangeRequest:
    """The request that the world has open, with its evidence."""
    return ChangeRequest.objects.get(author__username="writer")


def known(document: str = "{}", **over: Any) -> Act:
    """Draft a request, and write what was known of it."""

    def write() -> None:
        request = Forgery(brings=(size(1.1),)).draft()
        fields = {"request": request, "edition": request.edition, "document": document, "stored_at": NOW} | over
        RequestEvidence.objects.create(**fields)

    return write


def object_of(length: int) -> str:
    return f'{{"a": "{"x" * (length - len(EMPTY))}"}}'


def claims() -> None:
    """The database numbers and hashes it, whatever is claimed."""
    known(id=9_000_000_000, document_hash="f" * 64)()
    found = RequestEvidence.objects.latest("request_id")
    assert found.pk < 9_000_000_000
    assert found.document_hash == sha256(b"{}").hexdigest()


def later() -> None:
    """Write what was known of a request that was drafted in another transaction."""
    as_before("DELETE FROM overrides_requestevidence")
    known(request=asked(), edition=asked().edition)()


def names_none() -> None:
    vote(asked(), "second")
    assert Vote.objects.latest("pk").evidence == RequestEvidence.objects.get(request=asked())


def names_another() -> None:
    known()()
    vote(asked(), "second", evidence=RequestEvidence.objects.latest("request_id"))


def names_another_where_none_was_stored() -> None:
    vote(Forgery(brings=(size(1.1),)).draft(), "second", evidence=RequestEvidence.objects.get(request=asked()))


ROWS: dict[str, tuple[Act, str]] = {
    "with its edition": (known(), HONEST),
    "with a number and a hash that it claims": (claims, HONEST),
    "before its request": (
        lambda: RequestEvidence.objects.create(request_id=900_001, edition=1, document="{}", stored_at=NOW),
        "evidence is written after its request",
    ),
    "of another edition": (known(edition=9), WITH_ITS_EDITION),
    "in another transaction": (later, WITH_ITS_EDITION),
    "a list": (known("[]"), AN_OBJECT),
    "of the largest size": (known(object_of(LARGEST)), HONEST),
    "of a byte more": (known(object_of(LARGEST + 1)), AN_OBJECT),
    "a vote that names none": (names_none, HONEST),
    "a vote that names another": (names_another, NAMED),
    "a vote that names another where none was stored": (names_another_where_none_was_stored, NAMED),
}


@pytest.mark.parametrize("role", ["role", "owner"])
@pytest.mark.parametrize("name", ROWS)
def test_evidence(name: str, role: str) -> None:
    refused(*ROWS[name], role=role)
