"""`Authorization: Bearer cw_…`: DRF authentication by API key, from memory while PostgreSQL is away."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from django.db import Error
from django.utils.functional import cached_property
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from config.access.keys import PERMISSIONS, matches
from config.access.models import ApiKey

REFRESH_SECONDS = 1.0
LAST_USE_GRAIN = timedelta(minutes=1)
WAY_OUT = "send `Authorization: Bearer cw_…` with a live key; an administrator issues one in the admin under Access"


class KeyUser:
    """The caller behind a key: permissions of its role, nothing else."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, key: ApiKey) -> None:
        self.key = key

    @property
    def pk(self) -> str:
        return f"key:{self.key.prefix}"

    def __str__(self) -> str:
        return f"key {self.key.name} ({self.key.prefix})"

    @cached_property
    def permissions(self) -> frozenset[str]:
        return PERMISSIONS.get(self.key.role, frozenset())

    def has_perm(self, permission: str) -> bool:
        return permission in self.permissions


class KeyRing:
    """Every live key by prefix, read at most once a second; the last reading holds while PostgreSQL is away.

    Before the first one, nobody can be told from anybody else: django.db.Error, which the API answers with a 503.
    """

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] | None = None
        self._read_at: float | None = None
        self._reading = threading.Lock()

    def find(self, prefix: str) -> ApiKey | None:
        # The first reading is waited for; a later one is made by whoever comes first while others use the last.
        if self._is_due() and self._reading.acquire(blocking=self._read_at is None):
            try:
                if self._is_due():
                    self._read()
            finally:
                self._reading.release()
        return (self._keys or {}).get(prefix)

    def forget(self) -> None:
        """Read again at the next call."""
        self._read_at = None

    def _is_due(self) -> bool:
        return self._read_at is None or time.monotonic() - self._read_at >= REFRESH_SECONDS

    def _read(self) -> None:
        try:
            self._keys = {key.prefix: key for key in ApiKey.objects.filter(revoked_at=None)}
        except Error:  # the last reading stays: answering without the database is the point
            if self._keys is None:
                raise
        self._read_at = time.monotonic()


KEY_RING = KeyRing()


class KeyAuthentication(BaseAuthentication):
    """Authenticates a bearer key; 401 with the way out otherwise."""

    def authenticate(self, request: Request) -> tuple[KeyUser, ApiKey] | None:
        words = get_authorization_header(request).split()
        if not words:
            return None
        if len(words) != 2 or words[0].lower() != b"bearer":
            raise AuthenticationFailed(f"the Authorization header is not a bearer key: {WAY_OUT}")
        key = words[1].decode("latin-1")
        parts = key.split("_", 2)
        row = KEY_RING.find(parts[1]) if len(parts) == 3 and parts[0] == "cw" else None
        now = datetime.now(UTC)
        if row is None or not matches(row, key, now=now):
            raise AuthenticationFailed(f"this key is unknown, expired or revoked: {WAY_OUT}")
        self._note_use(row, now)
        return KeyUser(row), row

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    @staticmethod
    def _note_use(row: ApiKey, now: datetime) -> None:
        if row.last_used_at is None or now - row.last_used_at > LAST_USE_GRAIN:
            row.last_used_at = now
            with suppress(Error):  # a note, not a gate
                ApiKey.objects.filter(pk=row.pk).update(last_used_at=now)
