"""`Authorization: Bearer cw_…`: API key authentication for DRF, from memory if PostgreSQL is unavailable."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User
from django.db import Error, OperationalError, close_old_connections, connection
from django.http import HttpRequest
from django.utils.functional import cached_property
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from config.access.keys import PERMISSIONS, matches
from config.access.models import ApiKey

REFRESH_SECONDS = 1.0
LAST_USE_GRAIN = timedelta(minutes=1)
WAY_OUT = "send `Authorization: Bearer cw_…` with a live key; an administrator issues one in the admin under Access"


class KeyUser:
    """The caller behind a key, with the permissions of the key's role and no others."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, key: ApiKey) -> None:
        self.key = key

    @property
    def pk(self) -> str:
        return f"key:{self.key.prefix}"

    @property
    def owner(self) -> User | None:
        """Whose drafts the key's drafts are."""
        return self.key.owner

    def own_keys(self) -> list[str]:
        """Return the prefixes of all keys of the owner, also of revoked ones; this key alone if it has no owner."""
        if self.key.owner_id is None:
            return [self.key.prefix]
        return list(ApiKey.objects.filter(owner=self.key.owner_id).values_list("prefix", flat=True))

    def __str__(self) -> str:
        return f"key {self.key.prefix}" if self.owner is None else f"key {self.key.prefix} of {self.owner}"

    @cached_property
    def permissions(self) -> frozenset[str]:
        return PERMISSIONS.get(self.key.role, frozenset())

    def has_perm(self, permission: str) -> bool:
        return permission in self.permissions


class KeyRing:
    """Every key that is not revoked, by prefix; a background thread reads them every second.

    If PostgreSQL is unavailable the last reading stays valid. No request waits for a reading except the first, so a
    database that hangs delays nobody with a known key. Before the first reading callers cannot be identified: `find`
    then raises django.db.Error, which the API answers with a 503.
    """

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] | None = None
        self._used: dict[str, datetime] = {}
        self._start_lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def find(self, prefix: str) -> ApiKey | None:
        """Return the key with this prefix, or None. Raises django.db.Error if the keys were never read."""
        self.start()
        if self._keys is None:
            raise OperationalError("the keys have not been read yet")
        return self._keys.get(prefix)

    @property
    def has_read(self) -> bool:
        """Whether the keys have been read at least once."""
        return self._keys is not None

    def note_use(self, row: ApiKey, at: datetime) -> None:
        """Queue the time of last use, to the minute, for the thread to write; a failed write is not repeated."""
        if row.last_used_at is None or at - row.last_used_at > LAST_USE_GRAIN:
            row.last_used_at = self._used[row.prefix] = at

    def forget(self) -> None:
        """Stop the thread, so that the next call reads the keys again."""
        self._closing.set()
        self._thread = None

    def close(self) -> None:
        """Stop the thread as `forget` does, and wait until it has ended."""
        thread = self._thread
        self.forget()
        if thread is not None:
            thread.join()

    def start(self) -> None:
        """Read once in the caller's thread, then keep reading in a background thread.

        There is one such thread for each process, started after fork.
        """
        if self._is_reading():
            return
        with self._start_lock:
            if self._is_reading():
                return
            with suppress(Error):  # the last reading stays valid if the database is unavailable
                self._read()
            self._closing = threading.Event()
            self._thread = threading.Thread(target=self._poll, args=[self._closing], name="key-ring", daemon=True)
            self._thread.start()

    def _is_reading(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _poll(self, closing: threading.Event) -> None:
        while not closing.wait(REFRESH_SECONDS):
            close_old_connections()
            with suppress(Error):
                self._write_uses()
                self._read()
        connection.close()

    def _write_uses(self) -> None:
        while self._used:
            prefix, at = self._used.popitem()
            ApiKey.objects.filter(prefix=prefix).update(last_used_at=at)

    def _read(self) -> None:
        live = ApiKey.objects.filter(revoked_at=None).select_related("owner")
        self._keys = {key.prefix: key for key in live}


KEY_RING = KeyRing()


class KeyAuthentication(BaseAuthentication):
    """Authenticates a bearer key; an invalid one gets a 401 that says how to obtain a key."""

    def authenticate(self, request: Request | HttpRequest) -> tuple[KeyUser, ApiKey] | None:
        words = request.META.get("HTTP_AUTHORIZATION", "").split() or _as_bearer(request)
        if not words:
            return None
        if len(words) != 2 or words[0].lower() != "bearer":
            raise AuthenticationFailed(f"the Authorization header is not a bearer key: {WAY_OUT}")
        key = words[1]
        parts = key.split("_", 2)
        row = KEY_RING.find(parts[1]) if len(parts) == 3 and parts[0] == "cw" else None
        now = datetime.now(UTC)
        if row is None or not matches(row, key, now=now):
            raise AuthenticationFailed(f"this key is unknown, expired or revoked: {WAY_OUT}")
        KEY_RING.note_use(row, now)
        return KeyUser(row), row

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _as_bearer(request: Request | HttpRequest) -> list[str]:
    """Return the words of the Authorization header that a key in `X-API-Key` stands for, as OpenFeature sends it."""
    key: str = request.META.get("HTTP_X_API_KEY", "")
    return ["Bearer", key] if key else []
