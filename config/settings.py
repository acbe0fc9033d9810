"""Django settings: everything from the environment (`.env.example` lists it), with safe defaults for a laptop.

Numbers of the model are not settings: they are versioned, reviewed data
(`overrides.core.engine.definitions.parameters`).
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF

from config.learner import APPS, is_offered
from config.operations.logs import configure_structlog, logging_document
from overrides.core.engine.definitions.levers import LEVERS
from telemetry.core.gates import Gate, is_gate

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
HTTPS = env.bool("HTTPS", default=False)
LEARNING = env.bool("LEARNING", default=True)  # read before these settings too: `config.learner`

INSTALLED_APPS = [
    "telemetry",
    "overrides",
    *APPS,
    "config.access",
    "config.demo",
    "config.desk",
    "config.imports",
    "config.reports",
    "telemetry.foundation.admin.apps.ReadableAdminConfig",  # django.contrib.admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "axes",
    "rest_framework",
    "drf_spectacular",
]

MIDDLEWARE = [
    "config.middleware.RequestLog",
    "config.middleware.RequireContentLength",
    "config.middleware.DatabaseAway",
    "django.middleware.security.SecurityMiddleware",
    "config.short_way.ShortWay",  # API requests end here; all that follows is for pages alone
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",  # last: it replaces any other response by the page of a locked login
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- databases -----------------------------------------------------------------------------------
# Processes connect as a role that owns no tables (`default`); migrations run as the owner:
# `./dev manage migrate --database owner`. With a single URL the audit chain is tamper-evident, not tamper-proof.


def _database(name: str) -> dict[str, Any]:
    url = env.str(name)
    if urlsplit(url).scheme not in ("postgres", "postgresql"):
        raise environ.ImproperlyConfigured(
            f"{name} must name a PostgreSQL database (postgres://user:password@host:port/name); no other database works"
        )
    database: dict[str, Any] = env.db(name)
    # Give up on a server that does not answer within seconds, and drop connections to a server that is gone.
    options = {"connect_timeout": env.int("DATABASE_CONNECT_SECONDS", default=2), "tcp_user_timeout": 5000}
    return {**database, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}


DATABASES: dict[str, dict[str, Any]] = {"default": _database("DATABASE_URL")}
if env.str("DATABASE_OWNER_URL", default=""):
    DATABASES["owner"] = _database("DATABASE_OWNER_URL")
    DATABASES["owner"]["TEST"] = {"MIRROR": "default"}
APPLICATION_ROLE = env.str("APPLICATION_ROLE", default=DATABASES["default"]["USER"])

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Seconds for which the last known version is served while PostgreSQL is unavailable; afterwards levers are neutral.
MAX_STALE_SECONDS = env.float("MAX_STALE_SECONDS", default=300.0)

# A trade may name a decision that was made up to so many hours before its action.
LONGEST_FROM_DECISION_TO_ACTION = timedelta(hours=env.float("DECISION_HOURS", default=24.0))

# Where decisions wait on disk while PostgreSQL does not take them; empty: a folder among temporary files.
DECISION_SPILL_DIR = env.str("DECISION_SPILL_DIR", default="")

# --- the second demo -----------------------------------------------------------------------------------

# Whether this is the demo whose bot, and whose edge, is made up: every page says so. `./dev demo --planted` sets it.
PLANTED_DEMO = env.bool("PLANTED_DEMO", default=False)

# --- access ---------------------------------------------------------------------------------------

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_REDIRECT_URL = "admin:index"
LOGIN_URL = "admin:login"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "config.access.logins.Passwords"]

# Failed logins (`config.access.logins`): five of a name from one address lock that name there, and twenty of any names
# lock the address. A name is never locked for everybody: a stranger could keep its owner out.
AXES_HANDLER = "config.access.logins.Attempts"
AXES_LOCKOUT_PARAMETERS: list[str | list[str]] = [["username", "ip_address"], "ip_address"]
AXES_FAILURE_LIMIT = 5
LOGIN_FAILURES_OF_ADDRESS = 20
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # further attempts do not prolong the lock
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "config.access.logins.locked"
AXES_CLIENT_IP_CALLABLE = "config.access.logins.network_of"
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=1 if HTTPS else 0)

# Approving and applying require the password again if it was last entered longer ago than this.
REAUTHENTICATE_SECONDS = env.int("REAUTHENTICATE_SECONDS", default=900)
SESSION_COOKIE_AGE = 12 * 60 * 60  # a working day from the last login or re-authentication
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"  # a link in a message must keep its reader logged in
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

# --- API ------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["config.access.api.authentication.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["config.access.api.permissions.HasNamedPermission"],
    "DEFAULT_THROTTLE_CLASSES": ["config.access.api.throttle.KeyRate"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["telemetry.foundation.api.json_parser.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "config.access.api.schema.RoleSchema",
    "EXCEPTION_HANDLER": "telemetry.foundation.api.problem_details.problem_response",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "telemetry.foundation.api.negotiation.JsonAlone",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Counterweight",
    "DESCRIPTION": "Closed trades in, combined levers out: learned overrides under review.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,  # it would repeat each value
    "ENUM_NAME_OVERRIDES": {
        "RequestKindEnum": "overrides.models.RequestKind",
        "ProposalKindEnum": ["lines", "parameters", "mode", "rollback"],
        "VersionKindEnum": "overrides.models.VersionKind",
        "ServerEnum": ["ok", "down"],
        "ActionCategoryEnum": ["entry", "add", "trim", "exit", "allocation"],
        "ChanceEnum": ["entry", "add", "trim"],
        "ReceivedEnum": ["new", "corrected", "unchanged", "refused"],
        "VerdictEnum": ["earns", "loses", "not shown", "too few days"],
        "ArmVerdictEnum": ["better", "worse", "not shown", "too few days"],
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
# Requests a minute of one key by role; a list of a thousand is one request. Bots that record also query levers.
API_REQUESTS_PER_MINUTE = {"evaluate": 120_000, "record": 120_000, "bot": 120_000, "propose": 600, "read": 3_000}
# Open change requests of one person or machine: the next is refused, so that nobody floods the reviewers.
OPEN_REQUESTS_PER_AUTHOR = env.int("OPEN_REQUESTS_PER_AUTHOR", default=20)
# Where clients listen for changes, as they reach it (docs/operations.md); without one they ask from time to time.
# Beyond so many listeners at once a process of the stream answers 503.
STREAM_URL = env.str("STREAM_URL", default="")
STREAM_CONNECTIONS = env.int("STREAM_CONNECTIONS", default=1000)
# Seconds after which PostgreSQL cancels a statement of a read or write, and a write's wait for locked rows.
API_STATEMENT_SECONDS, API_WRITE_SECONDS, API_LOCK_SECONDS = 5.0, 10.0, 5.0

# --- metrics ------------------------------------------------------------------------------------------

# What Prometheus sends to read /metrics, as `Authorization: Bearer ...`. Without one nobody can read it.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
if METRICS_TOKEN and len(METRICS_TOKEN) < 20:
    raise environ.ImproperlyConfigured(
        "METRICS_TOKEN has fewer than 20 characters; make one with `openssl rand -hex 20`"
    )

# --- queue ----------------------------------------------------------------------------------------

REDIS_URL = env.str("REDIS_URL")
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # A killed worker's task is delivered again after this long; it must exceed the longest task.
    "visibility_timeout": env.int("CELERY_VISIBILITY_TIMEOUT", default=600),
    # kombu sweeps unacknowledged messages only every ~100 s by default, whatever the timeout says.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker survives any outage
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1}
CELERY_IMPORTS = ("config.operations.beat_start",)
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = env.int("CELERY_TASK_TIME_LIMIT", default=540)
# Raised in the task, so that its run is recorded as failed, which may take a while on a busy machine.
CELERY_TASK_SOFT_TIME_LIMIT = max(CELERY_TASK_TIME_LIMIT / 2, CELERY_TASK_TIME_LIMIT - 54)
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = env.str("CELERY_BEAT_SCHEDULE_FILENAME", default="celerybeat-schedule")

# Tasks sent as soon as new trades arrive; the beat table runs the same work every few minutes.
_AFTER_TRADES: list[tuple[str, dict[str, Any]]] = [
    ("learning.aggregate_soon", {"module": "dm"}),
    ("learning.aggregate_soon", {"module": "pm"}),
    ("learning.coefficients_soon", {}),
    ("telemetry.attribute_soon", {}),
]
TASKS_AFTER_TRADES = [(task, arguments) for task, arguments in _AFTER_TRADES if is_offered(task)]

# The levers that are thresholds of gates, for `telemetry`, which knows no registry: episodes may name no others.
GATES = {name: Gate(name, each.categories, each.low, each.high) for name, each in LEVERS.items() if is_gate(name)}

# --- audit trail ----------------------------------------------------------------------------------

# Where each nightly check notes the head of the audit chain: outside the database, best on another disk or host.
AUDIT_HEAD_FILE = env.path("AUDIT_HEAD_FILE", default=str(BASE_DIR / ".dev" / "audit-heads.jsonl"))

# What compares the rows of an area with the trail; it is read along with the entries (`TrailComparison`).
AUDIT_COMPARISONS = ["overrides.monitoring.verify_trail.PolicyFacts"]

# --- the rest -------------------------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
FORMAT_MODULE_PATH = "config.formats"

STATIC_URL = "static/"
STATIC_ROOT = env.path("STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True

LOGGING = logging_document(is_for_people=DEBUG, level=env.str("LOG_LEVEL", default="INFO"))
configure_structlog()
