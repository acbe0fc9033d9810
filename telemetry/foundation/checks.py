"""System checks (`./dev manage check`) for misconfiguration that would do damage later."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register


@register(Tags.security)
def check_roles(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Warn if the database role that serves also owns the tables: it could switch their triggers off."""
    owner = settings.DATABASES.get("owner")
    if owner is not None and owner["USER"] != settings.DATABASES["default"]["USER"]:
        return []
    return [
        Warning(
            "one database role both owns the tables and serves: the audit trail is tamper-evident, not tamper-proof",
            hint="set DATABASE_OWNER_URL to the role that migrates, and DATABASE_URL to one that owns nothing",
            id="telemetry.W001",
        )
    ]


@register()
def check_redelivery(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Report an error if the queue may redeliver a message while its first delivery is still running."""
    visible_after = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    if visible_after > settings.CELERY_TASK_TIME_LIMIT:
        return []
    return [
        Error(
            f"the queue redelivers after {visible_after} s, before a task's time limit of "
            f"{settings.CELERY_TASK_TIME_LIMIT} s has passed",
            hint="set CELERY_VISIBILITY_TIMEOUT above CELERY_TASK_TIME_LIMIT",
            id="telemetry.E001",
        )
    ]


@register(Tags.security)
def check_queue(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Report an error for each address of the queue that other machines can reach without a password.

    Whoever writes to the queue chooses which tasks run, and may record trades.
    """
    urls = {"REDIS_URL": settings.REDIS_URL, "CELERY_BROKER_URL": settings.CELERY_BROKER_URL}
    hosts = {open_host(url): name for name, url in reversed(urls.items())}
    return [
        Error(
            f"{name}: the queue on {host} takes messages without a password from whoever reaches it",
            hint=f"set requirepass on that server and the password in {name}, as in redis://:password@host:6379/0; "
            "or let the server listen on this machine alone (127.0.0.1)",
            id="telemetry.E002",
        )
        for host, name in hosts.items()
        if host
    ]


def open_host(url: str) -> str:
    """Return the host of a Redis URL that has no password and is not this machine; empty where nothing is open.

    >>> [open_host(url) for url in ("redis://10.0.0.5/0", "redis://:secret@10.0.0.5/0", "redis://127.0.0.1/0")]
    ['10.0.0.5', '', '']
    """
    parts = urlsplit(url)
    host = parts.hostname or ""  # none where a file is named, which has permissions of its own
    if parts.password or any(parse_qs(parts.query).get("password", [])) or host in ("", "localhost"):
        return ""
    try:
        return "" if ipaddress.ip_address(host).is_loopback else host
    except ValueError:
        return host
