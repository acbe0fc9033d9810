"""Issue and check API keys, `cw_<prefix>_<secret>`; only the SHA-256 of the whole key is stored.

The secret has 256 random bits, so a fast hash is sufficient: a dictionary attack is impossible.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from config.access.models import ApiKey
from overrides.core.governance.permissions import DRAFT, PROPOSE_PARAMETERS, VIEW_REQUESTS
from telemetry.audit.audit_log import write_audit

COMMAND = "command line"

# The Django permissions of each role; no key may review or apply. The API schema lists the roles of each operation.
SERVED = frozenset({"overrides.view_version", "overrides.view_modulemode", "telemetry.view_jobrun"})
EVALUATE = SERVED | {"overrides.resolve"}
READ = SERVED | {
    "telemetry.view_trade",
    "telemetry.view_outcome",
    "telemetry.view_decision",
    "learning.view_cell",
    "learning.view_coefficient",
    "learning.view_lesson",
    "overrides.view_override",
    VIEW_REQUESTS,
}
PERMISSIONS: dict[str, frozenset[str]] = {
    ApiKey.Role.EVALUATE: EVALUATE,
    ApiKey.Role.RECORD: EVALUATE | {"telemetry.add_trade"},
    ApiKey.Role.PROPOSE: READ | {DRAFT, PROPOSE_PARAMETERS},
    ApiKey.Role.READ: READ,
}


def roles_with(permission: str) -> list[str]:
    """Return the roles of keys that have a permission."""
    return [str(role) for role, granted in PERMISSIONS.items() if permission in granted]


def digest_of(key: str) -> str:
    """Return the SHA-256 of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


@transaction.atomic
def issue_key(
    *, name: str, role: str, by: User | None, at: datetime, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Issue a key; return its row and the key itself, which cannot be read again."""
    prefix = secrets.token_hex(4)
    key = f"cw_{prefix}_{secrets.token_urlsafe(32)}"
    row = ApiKey.objects.create(
        name=name, role=role, prefix=prefix, digest=digest_of(key), created_by=by, created_at=at, expires_at=expires_at
    )
    after = {"name": name, "role": role, "expires_at": expires_at}
    _audit("issue", row, by, before=None, after=after, at=at)
    return row, key


@transaction.atomic
def revoke_key(*, prefix: str, by: User | None, at: datetime) -> bool:
    """Revoke a key permanently; False if it was revoked before."""
    row = ApiKey.objects.select_for_update(of=("self",)).get(prefix=prefix)
    if row.revoked_at is not None:
        return False
    row.revoked_at = at
    row.save(update_fields=["revoked_at"])
    _audit("revoke", row, by, before={"revoked_at": None}, after={"revoked_at": at}, at=at)
    return True


def matches(row: ApiKey, key: str, *, now: datetime) -> bool:
    """Return whether `key` belongs to the row, unexpired and not revoked; compared in constant time."""
    is_live = row.revoked_at is None and (row.expires_at is None or row.expires_at > now)
    return hmac.compare_digest(row.digest, digest_of(key)) and is_live


def _audit(action: str, row: ApiKey, by: User | None, *, before: Any, after: Any, at: datetime) -> None:
    actor = COMMAND if by is None else by.get_username()
    write_audit(actor=actor, action=action, object=f"key {row.prefix}", reason="", before=before, after=after, at=at)
