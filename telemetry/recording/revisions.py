"""What becomes of a fact that is sent again: unchanged, the next revision, or refused; and writing despite others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeVar

from django.db import IntegrityError, OperationalError, transaction
from psycopg import errors

from telemetry.foundation.core.refusal import Refusal

ATTEMPTS = 5
T = TypeVar("T")


class Status(StrEnum):
    """What became of a submitted trade or episode."""

    NEW = "new"
    CORRECTED = "corrected"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


def revision_status(
    what: str, field: str, name: str, revision: int, digest: bytes, recorded: Mapping[int, bytes]
) -> tuple[Status, tuple[Refusal, ...]]:
    """Return the status of a revision of a fact, and why it is refused, if so.

    `what` says in words what it is, `field` is the field of its `name`. `recorded` holds the digests of its recorded
    revisions: the same body again changes nothing, another one under a recorded revision is refused, and so is a
    revision that skips one.
    """
    latest = max(recorded, default=0)
    if revision in recorded:
        if recorded[revision] == digest:
            return Status.UNCHANGED, ()
        message = (
            f"{what} {name!r} is recorded with another body as revision {revision}; "
            f"to correct it send revision {latest + 1} with a correction_reason"
        )
        return Status.REFUSED, (Refusal(field, message),)
    if revision != latest + 1:
        message = f"revision {revision} does not follow {latest}; send revision {latest + 1}"
        return Status.REFUSED, (Refusal("revision", message),)
    return (Status.CORRECTED if latest else Status.NEW), ()


def despite_others(work: Callable[[], T]) -> T:
    """Return what `work` does in one transaction; it is done again if another process writes the same at once."""
    for attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                return work()
        except (IntegrityError, OperationalError) as error:
            raced = isinstance(error.__cause__, errors.UniqueViolation | errors.DeadlockDetected)
            if not raced or attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("the last attempt returns or raises")
