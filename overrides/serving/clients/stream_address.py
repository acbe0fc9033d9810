"""The address of the stream of changes for one caller, with a ticket in place of the caller's key.

Many clients of event streams cannot send headers, and an address may be logged, so it never holds a key. A ticket is
the caller's name, signed; it opens the stream and nothing else, and it is worth nothing once the key is revoked.
"""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.core.signing import BadSignature, Signer

TICKET = "ticket"
FORM = "form"
REFETCH = "openfeature"  # the form of events that OpenFeature's protocol defines
_SALT = "counterweight.stream"


def stream_address(caller: str, *, module: str | None = None) -> str | None:
    """Return where a caller may listen for changes in OpenFeature's form; None where no stream is configured."""
    if not settings.STREAM_URL:
        return None
    asked = {FORM: REFETCH} | ({} if module is None else {"module": module}) | {TICKET: ticket_for(caller)}
    return f"{settings.STREAM_URL}?{urlencode(asked)}"


def ticket_for(caller: str) -> str:
    """Return the ticket of a caller; it is the same each time, so that addresses may be compared."""
    return Signer(salt=_SALT).sign(caller)


def caller_of(ticket: str) -> str | None:
    """Return the caller whom a ticket names; None if this deployment has not signed it."""
    try:
        return Signer(salt=_SALT).unsign(ticket)
    except BadSignature:
        return None
