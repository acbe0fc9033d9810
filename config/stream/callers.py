"""Who may listen: callers with a live key, sent in a header as to the API, or named by a ticket in the address.

The key ring may read the database, so none of this runs in the thread of the event loop.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from django.db import Error, connection

from config.access.api.authentication import KEY_RING, WAY_OUT, KeyUser
from config.access.keys import matches
from config.access.models import ApiKey
from overrides.serving.clients.stream_address import caller_of

PERMISSION = "overrides.view_version"
_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "Bearer"},
    405: {"Allow": "GET"},
    503: {"Retry-After": "10"},
}


class NotAdmitted(Exception):
    """The caller may not listen; `status` and `headers` are those of the response."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = _HEADERS.get(status, {})


def admit(headers: Mapping[str, str], ticket: str | None) -> str:
    """Return the prefix of the caller's key. Raises NotAdmitted."""
    try:
        row = _named_by(ticket) if ticket is not None else _with_key(headers)
    except Error:
        raise NotAdmitted(503, "the keys have not been read yet, because the database is away; try again") from None
    if row is None:
        raise NotAdmitted(401, f"this key is unknown, expired or revoked: {WAY_OUT}")
    if not KeyUser(row).has_perm(PERMISSION):
        raise NotAdmitted(403, "the role of this key does not allow it; ask an administrator for another")
    KEY_RING.note_use(row, datetime.now(UTC))
    return row.prefix


def ended(prefixes: Collection[str], now: datetime) -> set[str]:
    """Return which of these keys are revoked or expired, as far as this process knows."""
    return {prefix for prefix in prefixes if not _is_live(prefix, now)}


def _is_live(prefix: str, now: datetime) -> bool:
    try:
        row = _find(prefix)
    except Error:
        return True  # it was live when it was admitted, and the database is away
    return row is not None and (row.expires_at is None or row.expires_at > now)


def _find(prefix: str) -> ApiKey | None:
    """Return a key by its prefix. Raises django.db.Error if the keys were never read."""
    try:
        return KEY_RING.find(prefix)
    finally:
        connection.close()  # where the ring had to read here, this thread keeps no connection


def _with_key(headers: Mapping[str, str]) -> ApiKey | None:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    sent = key.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
    if not sent:
        raise NotAdmitted(401, f"no key was sent; {WAY_OUT}")
    parts = sent.split("_", 2)
    row = _find(parts[1]) if len(parts) == 3 and parts[0] == "cw" else None
    return row if row is not None and matches(row, sent, now=datetime.now(UTC)) else None


def _named_by(ticket: str) -> ApiKey | None:
    kind, _, prefix = (caller_of(ticket) or "").partition(":")
    return _find(prefix) if kind == "key" and _is_live(prefix, datetime.now(UTC)) else None
