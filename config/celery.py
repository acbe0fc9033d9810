"""The Celery app, its queues and its beat table, the schedule of all jobs (docs/design.md 19)."""

from __future__ import annotations

import os
from logging.config import dictConfig
from typing import Any

import structlog
from celery import Celery, Task
from celery.schedules import crontab
from celery.signals import before_task_publish, setup_logging, task_postrun, task_prerun
from kombu import Queue

from config import celery_transport
from config.learner import is_offered
from telemetry.foundation.request_id import request_id, set_request_id

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
celery_transport.install()

app = Celery("counterweight")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# What must be on time waits behind nothing that takes long. A worker without `-Q` takes from all three in turn.
DEFAULT, FACTS, LONG = "celery", "facts", "long"
_QUEUES: dict[str, str] = {
    "learning.aggregate": FACTS,
    "learning.aggregate_group": FACTS,
    "learning.aggregate_soon": FACTS,
    "learning.coefficients": FACTS,
    "learning.coefficients_soon": FACTS,
    "overrides.monitor": FACTS,  # it disables: that must not wait for a walk-forward
    "telemetry.attribute": FACTS,
    "telemetry.attribute_soon": FACTS,
    "learning.build": LONG,
    "learning.check_published_evidence": LONG,
    "learning.levers": LONG,
    "learning.materialize": LONG,
    "learning.noise_twin": LONG,
    "learning.publish_within_mandates": LONG,
    "learning.strength": LONG,
    "learning.twin": LONG,
    "learning.validate": LONG,
    "learning.walk_forward": LONG,
    "overrides.compare_challenger": LONG,
    "overrides.earned": LONG,
    "overrides.lapse_mandates": LONG,
    "overrides.line_use": LONG,
    "overrides.replay": LONG,
    "overrides.score": LONG,
    "overrides.what_if": LONG,
    "reports.weekly_report": LONG,
    "telemetry.retire_decisions": LONG,  # it reads whole months of decisions
    "telemetry.verify_audit": LONG,
}
QUEUE_OF = {task: queue for task, queue in _QUEUES.items() if is_offered(task)}
app.conf.task_queues = [Queue(name) for name in (DEFAULT, FACTS, LONG)]
app.conf.task_routes = {task: {"queue": queue} for task, queue in QUEUE_OF.items()}

MINUTE = 60.0

_JOBS: dict[str, dict[str, Any]] = {
    "aggregate dm": {"task": "learning.aggregate", "schedule": 5 * MINUTE, "kwargs": {"module": "dm"}},
    "aggregate pm": {"task": "learning.aggregate", "schedule": 5 * MINUTE, "kwargs": {"module": "pm"}},
    "coefficients": {"task": "learning.coefficients", "schedule": 5 * MINUTE},
    "build dm": {"task": "learning.build", "schedule": crontab(minute="8"), "kwargs": {"module": "dm"}},
    "build pm": {"task": "learning.build", "schedule": crontab(minute="9"), "kwargs": {"module": "pm"}},
    "build dm evidence": {
        "task": "learning.build",
        "schedule": crontab(minute="10"),
        "kwargs": {"module": "dm", "policy": "evidence"},
    },
    "build pm evidence": {
        "task": "learning.build",
        "schedule": crontab(minute="11"),
        "kwargs": {"module": "pm", "policy": "evidence"},
    },
    "publish within mandates dm": {
        "task": "learning.publish_within_mandates",
        "schedule": crontab(minute="12"),
        "kwargs": {"module": "dm"},
    },
    "publish within mandates pm": {
        "task": "learning.publish_within_mandates",
        "schedule": crontab(minute="13"),
        "kwargs": {"module": "pm"},
    },
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
    "validate dm": {
        "task": "learning.validate",
        "schedule": crontab(hour="2", minute="10"),
        "kwargs": {"module": "dm"},
    },
    "validate pm": {
        "task": "learning.validate",
        "schedule": crontab(hour="2", minute="15"),
        "kwargs": {"module": "pm"},
    },
    "publish due": {"task": "overrides.publish_due", "schedule": MINUTE},
    "request effects": {"task": "overrides.request_effects", "schedule": MINUTE},
    "send outbox": {"task": "telemetry.send_outbox", "schedule": MINUTE},
    "attribute": {"task": "telemetry.attribute", "schedule": 5 * MINUTE},
    "earned": {"task": "overrides.earned", "schedule": 15 * MINUTE},
    "monitor": {"task": "overrides.monitor", "schedule": 15 * MINUTE},
    "lapse mandates": {"task": "overrides.lapse_mandates", "schedule": crontab(hour="3", minute="40")},
    "verify audit": {"task": "telemetry.verify_audit", "schedule": crontab(hour="1", minute="10")},
    "replay": {"task": "overrides.replay", "schedule": crontab(hour="1", minute="20")},
    "score": {"task": "overrides.score", "schedule": 15 * MINUTE},
    "published evidence": {
        "task": "learning.check_published_evidence",
        "schedule": crontab(hour="1", minute="30"),
    },
    "tidy logins": {"task": "access.tidy_logins", "schedule": crontab(hour="1", minute="55")},
    "decision partitions": {"task": "telemetry.extend_partitions", "schedule": crontab(hour="1", minute="40")},
    "retire decisions": {"task": "telemetry.retire_decisions", "schedule": crontab(hour="2", minute="50")},
    "line use": {"task": "overrides.line_use", "schedule": crontab(hour="3", minute="5")},
    "weekly report": {
        "task": "reports.weekly_report",
        "schedule": crontab(hour="3", minute="30", day_of_week="1"),
    },
    "forget runs": {"task": "telemetry.forget_runs", "schedule": crontab(hour="1", minute="50")},
}
BEAT = {name: job for name, job in _JOBS.items() if is_offered(job["task"])}
app.conf.beat_schedule = BEAT


@setup_logging.connect
def configure_logging(**_: Any) -> None:
    """Log in worker and beat as in the web process; Celery sets up no logging if a receiver is connected."""
    from django.conf import settings  # importable only once the settings module is

    dictConfig(settings.LOGGING)


@before_task_publish.connect
def add_request_id(headers: dict[str, Any], **_: Any) -> None:
    """Add the id of the current request to a message, unless the outbox has set it."""
    headers.setdefault("request_id", request_id())


@task_prerun.connect
def set_task_request_id(task_id: str, task: Task[..., Any], **_: Any) -> None:
    """Use the message's request id in logs and audit entries; a task sent by beat uses its own id."""
    set_request_id(task.request.get("request_id") or task_id)
    structlog.contextvars.bind_contextvars(task=task.name)


@task_postrun.connect
def clear_task_request_id(**_: Any) -> None:
    """Clear the request id after a task."""
    set_request_id("")
    structlog.contextvars.unbind_contextvars("task")
