"""What an installation needs before it can be used; run beside it, prints its secrets as JSON."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from typing import Any

import django

from telemetry.foundation.core.canonical_json import utc_text
from tests.builders import draft, make_spec, publish, set_mode
from tests.people import keeper, make_person


def furnish() -> dict[str, Any]:
    """Create a version that moves size, both modes on, an open request, a reviewer, and keys of bots.

    Each step reads the clock: the database refuses a time that differs from its own, which it does on a busy machine.
    """

    from config.access.keys import issue_key

    fresh = {"updated_at": utc_text(_now())}
    publish(make_spec(stats=fresh), at=_now())
    for module in ("dm", "pm"):
        set_mode("on", module=module, at=_now())
    waiting = draft(make_spec(stats=fresh, scope={"bucket": "nano"}), at=_now())
    password = secrets.token_urlsafe(20)
    make_person("reviewer", password=password, is_staff=True, is_superuser=True)
    keys = {role: issue_key(name=role, role=role, owner=keeper(), by=None, at=_now())[1] for role in ("record", "read")}
    return {**keys, "password": password, "request": waiting.pk}


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    django.setup()
    print(json.dumps(furnish()))
