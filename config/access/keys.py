"""Making and checking API keys: `cw_<prefix>_<secret>`; only the sha256 of the whole key is kept.

The secret has 256 random bits, so a fast hash is enough: there is no dictionary to try.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime

from django.contrib.auth.models import User

from config.access.models import ApiKey

# What each role may do, in Django's permission names; no key may review or apply.
PERMISSIONS: dict[str, frozenset[str]] = {
    ApiKey.Role.EVALUATE: frozenset({"overrides.resolve", "overrides.view_version"}),
    ApiKey.Role.RECORD: frozenset({"telemetry.add_trade", "overrides.resolve", "overrides.view_version"}),
    ApiKey.Role.PROPOSE: frozenset({"overrides.add_changerequest", "overrides.view_version"}),
    ApiKey.Role.READ: frozenset({"overrides.view_version", "telemetry.view_trade", "telemetry.view_decision"}),
}


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def issue_key(
    *, name: str, role: str, by: User | None, at: datetime, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Make a key; the row and the key itself, which is shown this once."""
    prefix = secrets.token_hex(4)
    key = f"cw_{prefix}_{secrets.token_urlsafe(32)}"
    row = ApiKey.objects.create(
        name=name, role=role, prefix=prefix, digest=digest_of(key), created_by=by, created_at=at, expires_at=expires_at
    )
    return row, key


def matches(row: ApiKey, key: str, *, now: datetime) -> bool:
    """Whether `key` is this row's, unexpired and not revoked; the comparison takes the same time either way."""
    is_live = row.revoked_at is None and (row.expires_at is None or row.expires_at > now)
    return hmac.compare_digest(row.digest, digest_of(key)) and is_live
