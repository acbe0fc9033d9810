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
from telemetry.api.own_rows import DECISIONS, EPISODES, TRADES
from telemetry.audit.audit_log import write_audit

# The Django permissions of each role; no key may review or apply. The API schema lists the roles of each operation.
SERVED = frozenset({"overrides.view_version", "overrides.view_modulemode", "telemetry.view_jobrun"})
EVALUATE = SERVED | {"overrides.resolve"}
RECORD = EVALUATE | {"telemetry.add_trade", "telemetry.add_episode"}
READ = SERVED | {
    "telemetry.view_trade",
    "telemetry.view_outcome",
    "telemetry.view_episode",
    "telemetry.view_decision",
    "learning.view_cell",
    "learning.view_coefficient",
    "learning.view_lesson",
    "overrides.view_override",
    "overrides.view_weeklyreport",
    VIEW_REQUESTS,
}
PERMISSIONS: dict[str, frozenset[str]] = {
    ApiKey.Role.EVALUATE: EVALUATE,
    ApiKey.Role.RECORD: RECORD,
    ApiKey.Role.BOT: RECORD | {TRADES.own_permission, DECISIONS.own_permission, EPISODES.own_permission},
    ApiKey.Role.PROPOSE: READ | {DRAFT, PROPOSE_PARAMETERS},
    ApiKey.Role.READ: READ,
}


def roles_with(*permissions: str) -> list[str]:
    """Return the roles of keys that have one of some permissions."""
    return [str(role) for role, granted in PERMISSIONS.items() if granted.intersection(permissions)]


def digest_of(key: str) -> str:
    """Return the SHA-256 of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


@transaction.atomic
def issue_key(
    *,
    name: str,
    role: str,
    owner: User,
    by: User | None,
    at: datetime,
    expires_at: datetime | None = None,
    command: str = "issue_key",
) -> tuple[ApiKey, str]:
    """Issue a key to its owner; return its row and the key itself, which cannot be read again.

    `by` is the person who issues it, or None for the command of the name `command`.
    """
    prefix = secrets.token_hex(4)
    key = f"cw_{prefix}_{secrets.token_urlsafe(32)}"
    row = ApiKey.objects.create(
        name=name,
        role=role,
        prefix=prefix,
        digest=digest_of(key),
        owner=owner,
        created_by=by,
        created_at=at,
        expires_at=expires_at,
    )
    after = {"name": name, "role": role, "owner": owner.get_username(), "expires_at": expires_at}
    _audit("issue", row, _actor(by, command), before=None, after=after, at=at)
    return row, key


@transaction.atomic
def revoke_key(*, prefix: str, by: User | None, at: datetime, command: str = "revoke_key") -> bool:
    """Revoke a key permanently; False if it was revoked before."""
    row = _locked(prefix)
    if row.revoked_at is not None:
        return False
    row.revoked_at = at
    row.save(update_fields=["revoked_at"])
    _audit("revoke", row, _actor(by, command), before={"revoked_at": None}, after={"revoked_at": at}, at=at)
    return True


@transaction.atomic
def assign_key(*, prefix: str, owner: User, by: User, at: datetime) -> bool:
    """Assign a key to another owner, the author of its drafts from now on; False if it is the owner already.

    Raises KeyRevokedError for a revoked key.
    """
    row = _locked(prefix)
    if row.owner_id == owner.pk:
        return False
    if row.revoked_at is not None:
        raise KeyRevokedError(f"key {prefix} is revoked; issue a new key to {owner.get_username()}")
    before = {"owner": None if row.owner is None else row.owner.get_username()}
    row.owner = owner
    row.save(update_fields=["owner"])
    _audit("assign", row, by.get_username(), before=before, after={"owner": owner.get_username()}, at=at)
    return True


class KeyRevokedError(Exception):
    """The key is revoked and does not change any more."""


def matches(row: ApiKey, key: str, *, now: datetime) -> bool:
    """Return whether `key` belongs to the row, unexpired and not revoked; compared in constant time."""
    is_live = row.revoked_at is None and (row.expires_at is None or row.expires_at > now)
    return hmac.compare_digest(row.digest, digest_of(key)) and is_live


def _locked(prefix: str) -> ApiKey:
    """Return the row of a key, locked for update."""
    return ApiKey.objects.select_for_update(of=("self",)).select_related("owner").get(prefix=prefix)


def _actor(by: User | None, command: str) -> str:
    """Return the actor of an audit entry."""
    return f"command {command}" if by is None else by.get_username()


def _audit(action: str, row: ApiKey, actor: str, *, before: Any, after: Any, at: datetime) -> None:
    write_audit(actor=actor, action=action, object=f"key {row.prefix}", reason="", before=before, after=after, at=at)
