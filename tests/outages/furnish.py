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


def furnish(now: datetime) -> dict[str, Any]:
    """Create a version that moves size, both modes on, an open request, a reviewer, and keys of bots."""

    from config.access.keys import issue_key

    fresh = {"updated_at": utc_text(now)}
    publish(make_spec(stats=fresh), at=now)
    for module in ("dm", "pm"):
        set_mode("on", module=module, at=now)
    waiting = draft(make_spec(stats=fresh, scope={"bucket": "nano"}), at=now)
    password = secrets.token_urlsafe(20)
    make_person("reviewer", password=password, is_staff=True, is_superuser=True)
    keys = {role: issue_key(name=role, role=role, owner=keeper(), by=None, at=now)[1] for role in ("record", "read")}
    return {**keys, "password": password, "request": waiting.pk}


if __name__ == "__main__":
    django.setup()
    print(json.dumps(furnish(datetime.now(UTC))))
