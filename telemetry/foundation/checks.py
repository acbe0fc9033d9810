"""System checks (`manage.py check`) for misconfiguration that would do damage later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
