"""Logging: one JSON object a line for machines, one readable line in DEBUG, the same for all loggers.

Headers and bodies are never logged, and tracebacks show no variables, because both may contain keys and passwords.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from telemetry.foundation.request_id import request_id


def add_request_id(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Add the id of the current request, if there is one."""
    if name := request_id():
        event["request_id"] = name
    return event


def only_tracebacks(record: logging.LogRecord) -> bool:
    """Drop Django's own line about a failed request unless it has a traceback; the request's line says the rest."""
    return bool(record.exc_info)


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    add_request_id,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
FOR_PEOPLE: list[Processor] = [
    structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback),
]
FOR_MACHINES: list[Processor] = [
    structlog.processors.format_exc_info,
    structlog.processors.JSONRenderer(ensure_ascii=False, default=repr),
]


class EventRecord(logging.LogRecord):
    """The record of an event with fields, complete as structlog's processors would have made it."""

    def __init__(self, name: str, level: int, event: EventDict) -> None:
        super().__init__(name, level, "", 0, event, None, None)
        self._logger, self._name = None, event["level"]  # as structlog marks its own records


class LineFormatter(structlog.stdlib.ProcessorFormatter):
    """Formats every record as one line; an event for machines goes straight to JSON."""

    def __init__(self, *args: Any, is_for_people: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_for_people = is_for_people

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record, EventRecord) and not self._is_for_people:
            return orjson.dumps(record.msg, repr).decode()
        return super().format(record)


def log_event(name: str, level: int, event: str, **fields: Any) -> None:
    """Log an event with fields as structlog does, at a fraction of its cost, for the line of every request."""
    logger = _logger(name)
    if logger.isEnabledFor(level):
        fields |= {
            "event": event,
            "request_id": request_id(),
            "level": logging.getLevelName(level).lower(),
            "logger": name,
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        }
        logger.handle(EventRecord(name, level, fields))


_logger = lru_cache(10)(logging.getLogger)  # which takes a lock each time


def logging_document(*, is_for_people: bool, level: str) -> dict[str, Any]:
    """Return Django's LOGGING: everything to stderr through one formatter."""
    renderers = FOR_PEOPLE if is_for_people else FOR_MACHINES
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"only_tracebacks": {"()": lambda: only_tracebacks}},
        "formatters": {
            "line": {
                "()": LineFormatter,
                "is_for_people": is_for_people,
                "foreign_pre_chain": SHARED,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django": {"level": "INFO"},  # without Django's default handlers
            "django.request": {"level": "ERROR", "filters": ["only_tracebacks"]},
            "axes": {"level": "ERROR"},  # it masks name and address, which `config.access.logins` logs
            "gunicorn.error": {"propagate": True},
        },
    }


def configure_structlog() -> None:
    """Send structlog's own loggers through the same formatter, and leave out of records what no line shows."""
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    structlog.configure(
        processors=[
            *SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
