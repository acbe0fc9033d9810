"""The Celery app and the beat table: when each verb runs (design 10)."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("counterweight")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

MINUTE = 60.0

BEAT: dict[str, dict[str, Any]] = {
    "aggregate dm": {"task": "learning.aggregate", "schedule": 5 * MINUTE, "kwargs": {"module": "dm"}},
    "aggregate pm": {"task": "learning.aggregate", "schedule": 5 * MINUTE, "kwargs": {"module": "pm"}},
    "build dm": {"task": "learning.build", "schedule": crontab(minute="8"), "kwargs": {"module": "dm"}},
    "build pm": {"task": "learning.build", "schedule": crontab(minute="9"), "kwargs": {"module": "pm"}},
    "materialize dm": {
        "task": "learning.materialize",
        "schedule": crontab(hour="0", minute="20"),
        "kwargs": {"module": "dm"},
    },
    "materialize pm": {
        "task": "learning.materialize",
        "schedule": crontab(hour="0", minute="25"),
        "kwargs": {"module": "pm"},
    },
    "publish due": {"task": "overrides.publish_due", "schedule": MINUTE},
    "attribute": {"task": "telemetry.attribute", "schedule": 5 * MINUTE},
    "verify audit": {"task": "telemetry.verify_audit", "schedule": crontab(hour="1", minute="10")},
    "decision partitions": {"task": "telemetry.extend_partitions", "schedule": crontab(hour="1", minute="40")},
}
app.conf.beat_schedule = BEAT
