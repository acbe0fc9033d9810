"""Failed logins are counted in PostgreSQL, and too many lock the login for a while: django-axes with two limits.

The tight limit is on a name from one address, which stops guessing; the wide one is on a name from anywhere, which
stops guessing from many addresses. A wrong password where a page asks for it again counts like a failed login.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from typing import Any

import structlog
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from telemetry.foundation.admin.reauthentication import note_proof

logger = structlog.get_logger(__name__)


class Attempts(AxesDatabaseHandler):  # type: ignore[misc]  # the package has no types
    """Counts by name and address, and by name; the settings name the two in this order."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Failures as the tight limit counts them: the wide one is reached when that many are."""
        counted: list[int] = [
            sum(attempts.values_list("failures_since_start", flat=True))
            for attempts in self.get_user_attempts(request, credentials)
        ]
        here, anywhere = counted
        return max(here, anywhere * settings.AXES_FAILURE_LIMIT // settings.LOGIN_FAILURES_ANYWHERE)

    def reset_user_attempts(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """A login forgives what failed from its own address; somebody else's guesses stay counted."""
        here, _ = self.filter_user_attempts(request, credentials)
        count: int = here.delete()[0]
        return count


def address_of(request: HttpRequest) -> str | None:
    """Who is calling: the address that the outermost of our own proxies saw. What is left of it may be invented.

    None where there is no address, as on a socket of the file system.
    """
    seen = [each.strip() for each in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if each.strip()]
    chain = [*seen, request.META.get("REMOTE_ADDR", "")]
    address = chain[max(-1 - settings.TRUSTED_PROXIES, -len(chain))]
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return None


def locked(request: HttpRequest, response: HttpResponse, credentials: dict[str, Any] | None) -> HttpResponse:
    """What somebody sees whose login is locked, instead of the page: how long, and the way out."""
    logger.warning("login locked", name=(credentials or {}).get("username"), address=address_of(request))
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    page = render(request, "access/locked.html", {"minutes": seconds // 60}, status=429)
    page["Retry-After"] = str(seconds)
    page["Cache-Control"] = "no-store"
    return page


def note_login(*, request: HttpRequest, **_: object) -> None:
    """A login proves who somebody is, for a while."""
    note_proof(request, datetime.now(UTC))


def tidy(*, now: datetime) -> int:
    """Delete failures that lock nothing any more, and sessions that have ended; their number."""
    failures: int
    failures, _ = AccessAttempt.objects.filter(attempt_time__lt=now - settings.AXES_COOLOFF_TIME).delete()
    sessions, _ = Session.objects.filter(expire_date__lt=now).delete()
    return failures + sessions
